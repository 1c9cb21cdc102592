import fastify, { type FastifyInstance } from 'fastify';
import { InvalidPipelineError } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import type { Ports } from '@relearn/runtime';
import { type ConsoleDeps, ConsoleView, registerConsolePage, registerConsoleRoutes } from '@relearn/console';
import { memoryPorts, specOf } from './story.js';

export interface OpenedConsole {
  readonly ports: Ports;
  readonly view: ConsoleView;
  readonly app: FastifyInstance;
  /** What its services were asked to do. */
  readonly asked: unknown[];
  close(): Promise<void>;
}

/** The console's routes and page over an empty log, before services that only note what they are asked. */
export async function openConsole(): Promise<OpenedConsole> {
  const ports = await memoryPorts();
  await ports.catalog.start(ports.activity);
  const view = new ConsoleView(ports);
  await view.start();
  const asked: unknown[] = [];
  const app = fastify();
  const deps = depsOf(ports, view, asked);
  registerConsoleRoutes(app, deps);
  registerConsolePage(app, deps);
  return {
    ports,
    view,
    app,
    asked,
    async close() {
      await app.close();
      await view.stop();
      await ports.catalog.stop();
    },
  };
}

function depsOf(ports: Ports, view: ConsoleView, asked: unknown[]): ConsoleDeps {
  return {
    ports,
    view,
    registry: {
      apply: async (...all) => ({ pipeline: 'flights', version: asked.push(all), changed: true }),
      promote: async (_pipeline, model) => {
        throw new RelearnError('REFUSED', `there is no gate record for model ${model}`, {
          remedy: 'Run `relearn retrain`.',
        });
      },
      rollBack: async (...all) => void asked.push(all),
      pin: async (...all) => void asked.push(all),
      unpin: async (...all) => void asked.push(all),
      registerModel: async (name, onnx, alias, actor) => {
        asked.push([name, Buffer.from(onnx).toString(), alias, actor]);
        return { model: 1, bundle: 'b', champion: alias === '' ? 0 : 1 };
      },
    },
    serving: {
      async predict(order) {
        asked.push(order);
        const features = { eventId: 'e1', time: '2024-01-01T00:00:00.000Z', asOf: '2024-01-01T01:00:00.000Z' };
        return { version: '3', arm: 'champion', rows: [{ outputs: { probability: 0.25 }, features }] };
      },
    },
    monitoring: { requestRetrain: async (pipeline, actor) => `${pipeline}-r9 by ${actor}` },
    audit: async () => ({ events: 12, violations: [] }),
    verify: async () => ({ stored: { all: 'h', services: {} }, rebuilt: { all: 'h', services: {} }, difference: null }),
    work: async () => ({ behind: 3, jobs: 1 }),
    parse: (text, file) => {
      if (text !== 'bad') return { spec: specOf('flights'), digest: 'd' };
      const error = { file, line: 3, column: 5, field: 'source', message: 'no such key', remedy: 'Remove it.' };
      throw new InvalidPipelineError([error, { ...error, line: 9 }]);
    },
    version: '1.2.3',
  };
}
