import { RelearnError } from '@relearn/kernel';
import type { Telemetry } from '@relearn/telemetry';
import type { FastifyInstance } from 'fastify';
import type { Missing } from '../standing.js';

export interface ProbeOptions {
  readonly telemetry: Telemetry;
  /** Takes requests: started, and not stopping. */
  readonly ready: () => boolean;
  /** Does what it is for also while something is missing. */
  readonly alone: () => boolean;
  readonly missing: () => readonly Missing[];
  /** Brings gauges up to date before they are read. */
  readonly refresh: () => Promise<void>;
}

/** `/healthz`, `/readyz` and `/metrics`. Readiness names what is missing, and turns false before anything is torn down. */
export function addProbes(app: FastifyInstance, { telemetry, ready, alone, missing, refresh }: ProbeOptions): void {
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', (_request, reply) => {
    const waitsFor = missing();
    const told = waitsFor.length === 0 ? {} : { missing: waitsFor };
    if (ready() && (waitsFor.length === 0 || alone())) return reply.send({ status: 'ready', ...told });
    return reply.code(503).send({ status: 'not ready', ...told });
  });
  app.get('/metrics', async ({ headers }, reply) => {
    try {
      await refresh();
    } catch (thrown) {
      telemetry.log.debug({ code: RelearnError.from(thrown).code }, 'some gauges are as they were');
    }
    const { contentType, body } = await telemetry.metrics.render(headers.accept);
    return reply.header('content-type', contentType).send(body);
  });
}
