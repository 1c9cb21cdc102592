import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { predictionLogged } from '@relearn/contracts';
import type { OpenedPorts } from '@relearn/platform';
import { describe, expect, inject, test } from 'vitest';
import { run } from '../../apps/cli/test/run.js';
import { linearModel } from '../../services/serving/test/models.js';
import { cleanUpAfterEach } from './clean-up.js';
import { eventsOf } from './log.js';
import { type Processes, startProcesses } from './processes.js';
import { openSharedPorts, sharedSettings } from './shared-engines.js';
import { get, type GrpcClient, inferenceClient } from './wire.js';
import { eventually as soon, temporaryFolder } from './world.js';

const engines = inject('engines');
/** Processes take long to start where others use the cores. */
const eventually: typeof soon = (what, probe) => soon(what, probe, { timeoutMs: 120_000, everyMs: 50 });
const cleanUp = cleanUpAfterEach();

/** Asks over one connection, one request after the other. */
class Caller {
  readonly answered: string[] = [];
  failures = 0;
  private readonly client: GrpcClient;
  private readonly name: string;
  private running = true;
  private asking: Promise<void> = Promise.resolve();

  constructor(address: string, name: string) {
    this.client = inferenceClient(address);
    this.name = name;
  }

  async ask(): Promise<void> {
    const one = Buffer.from(new Float32Array([1]).buffer);
    const tensor = (name: string) => ({ name, datatype: 'FP32', shape: [1, 1] });
    const id = `${this.name}-${this.answered.length + this.failures}`;
    const inputs = [tensor('a'), tensor('b')];
    try {
      await this.client.call('ModelInfer', { modelName: 'score', id, inputs, rawInputContents: [one, one] });
      this.answered.push(id);
    } catch {
      this.failures += 1;
    }
  }

  start(): this {
    const go = async () => {
      while (this.running) {
        await this.ask();
        await sleep(5);
      }
    };
    this.asking = go();
    return this;
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.asking;
    this.client.close();
  }
}

interface Stand {
  readonly status: string;
  /** Missing while they do not answer in time. */
  readonly processes?: readonly { readonly process: number; readonly pid: number; readonly status: string }[];
}

/** Process ids by number, once all of them are ready. */
function pidsOf(processes: Processes, all: number): Promise<number[]> {
  return eventually(`${all} ready processes`, async () => {
    const { status, processes: each = [] } = (await get(`${processes.httpOf('serving')}/readyz`)).body as Stand;
    const ready = each.filter((one) => one.status === 'ready').sort((one, other) => one.process - other.process);
    return status === 'ready' && ready.length === all && ready.map(({ pid }) => pid);
  });
}

/** By id of a request: the spools that it came through into the log, as often as it stands there. */
async function spoolsOf({ ports }: OpenedPorts): Promise<Map<string, string[]>> {
  const spools = new Map<string, string[]>();
  for (const event of await eventsOf(ports.bus, 'predictions')) {
    const { request, requests } = predictionLogged.read(event).data;
    const ids = request === undefined ? (requests?.ids ?? []) : [request.id];
    const spool = event.source.split('/')[1] ?? '';
    for (const id of ids) spools.set(id, [...(spools.get(id) ?? []), spool]);
  }
  return spools;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Serving in two processes with a model, and what reads their log. */
async function deploy(bus: 'kafka' | 'nats', front: string) {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const settings = sharedSettings(bus, folder.path);
  const data = join(folder.path, 'serving');
  const own = { RELEARN_SERVING_PROCESSES: '2', RELEARN_GRPC_FRONT: front, RELEARN_DATA: data };
  const layout = [['serving'], ['registry', 'console']] as const;
  const processes = await startProcesses(settings, layout, (name) => (name === 'serving' ? own : {}));
  let stopped = false;
  const stop = () => {
    stopped = true;
    return processes.stop();
  };
  cleanUp.push(async () => {
    if (!stopped) await processes.kill();
  });
  const reader = await openSharedPorts(settings);
  cleanUp.push(() => reader.close());
  await writeFile(join(folder.path, 'score.onnx'), linearModel().onnx);
  const register = ['models', 'register', 'score', 'score.onnx', '--alias', 'champion'];
  expect(await run(folder.path, register, { RELEARN_URL: processes.url })).toMatchObject({ code: 0 });
  return { processes, stop, reader, address: processes.grpcAddressOf('serving'), data };
}

/** One more caller, which has been answered. */
async function answeredCaller(address: string, name: string): Promise<Caller> {
  const caller = new Caller(address, name);
  cleanUp.push(() => caller.stop());
  await eventually(`an answer to ${name}`, async () => {
    await caller.ask();
    return caller.answered.length > 0;
  });
  return caller;
}

const modes = [
  { bus: 'kafka', front: 'http2' },
  { bus: 'nats', front: 'grpc-js' },
] as const;

describe.each(modes)('two processes behind one port, $front on $bus', ({ bus, front }) => {
  const lacks = engines[bus] === null || engines.mongodb === null;

  test.skipIf(lacks)(
    'answer both, outlive each other and their supervisor, and lose nothing',
    { timeout: 480_000 },
    async () => {
      const { processes, stop, reader, address, data } = await deploy(bus, front);
      const before = await pidsOf(processes, 2);
      const callers: Caller[] = [];
      for (let index = 0; index < 8; index++) callers.push(await answeredCaller(address, `first-${index}`));
      const all = [...callers];
      const answers = () => all.flatMap(({ answered }) => answered);
      const inLog = (ids: readonly string[]) =>
        eventually('all answers in the log', async () => {
          const spools = await spoolsOf(reader);
          return ids.every((id) => spools.has(id)) && spools;
        });

      // Both have answered, and the metrics tell of both.
      const early = await inLog(answers());
      expect(new Set([...early.values()].flat()).size).toBe(2);
      const { body: metrics } = await get(`${processes.httpOf('serving')}/metrics`);
      expect(metrics).toContain(`nv_inference_request_success{model="score",version="1"} ${answers().length}\n`);
      expect(metrics).toContain('process_resident_memory_bytes{process="1"}');

      // One is killed under load. The other's connections do not notice, and another takes its place and its spool.
      const killed = `spool-${await readFile(join(data, 'process-1', 'spool', 'identity'), 'utf8')}`;
      const others = callers.filter(({ answered: [id = ''] }) => early.get(id)?.[0] !== killed);
      expect(others.length).toBeGreaterThan(0);
      expect(others.length).toBeLessThan(callers.length);
      for (const caller of callers) caller.start();
      const failures = () => others.map((caller) => caller.failures);
      const failedBefore = failures();
      process.kill(before[1] ?? 0, 'SIGKILL');
      const after = await eventually('a replacement', async () => {
        const pids = await pidsOf(processes, 2);
        return pids[1] !== before[1] && pids;
      });
      expect(after[0]).toBe(before[0]);
      const later: Caller[] = [];
      for (let index = 0; index < 4; index++) later.push(await answeredCaller(address, `second-${index}`));
      all.push(...later);
      expect(failures()).toEqual(failedBefore);
      const late = await inLog(later.flatMap(({ answered }) => answered));
      expect(new Set(later.flatMap(({ answered: [id = ''] }) => late.get(id) ?? []))).toContain(killed);

      // Their supervisor is killed: none is left behind, and the next one begins with what they had.
      await processes.signal('serving', 'SIGKILL');
      await eventually('the end of both', () => !after.some(isAlive));
      await processes.restart('serving');
      await pidsOf(processes, 2);

      // An end as it is meant to be, under load.
      const counts = new Map(all.map((caller) => [caller, caller.answered.length]));
      for (const caller of later) caller.start();
      await eventually('more answers', () => all.every((caller) => caller.answered.length > (counts.get(caller) ?? 0)));
      // All that was killed before they had it in the log is there now; what comes after it has to be at their end.
      await inLog(answers());
      await stop();
      await Promise.all(all.map((caller) => caller.stop()));
      const spools = await spoolsOf(reader);
      expect(answers().filter((id) => spools.get(id)?.length !== 1)).toEqual([]);
    },
  );
});
