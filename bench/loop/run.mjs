// The loop as a user sees it: `relearn start` in a process of its own on an empty folder, a client that asks its gRPC port
// all the while, and a scrape of its metrics. Times from the launch to the first page, the first and the first retrained
// model; from each `retrain.requested` to an answer of the model that it gave; failed requests; event-loop delay, memory,
// and what the same process costs once the replay is done.
// `npm run build` first; node bench/loop/run.mjs [runs] [--file pipeline.yaml] [--speed n] [--turns n] [--idle seconds]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { freePort } from '../free-port.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    file: { type: 'string', default: join(root, 'examples/flights/pipeline.yaml') },
    speed: { type: 'string' },
    turns: { type: 'string', default: '1000' },
    // V8 gives back a heap that has grown some 100 s after the work that filled it.
    idle: { type: 'string', default: '150' },
  },
});
const askEveryMs = 20;
const seconds = (ms) => Number((ms / 1000).toFixed(1));
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? null;

/** Asks the model all the while, one request after another; when each version first answered, and what failed. */
class Client {
  firstAnswers = new Map();
  answers = 0;
  failures = [];
  stopped = false;

  constructor(address, name) {
    const definition = loadSync('inference/grpc_service.proto', { includeDirs: [join(root, 'proto')] });
    const { GRPCInferenceService } = loadPackageDefinition(definition).inference;
    this.client = new GRPCInferenceService(address, credentials.createInsecure());
    this.name = name;
    this.running = this.run();
  }

  call(method, request) {
    return new Promise((resolve, reject) => {
      this.client[method](request, (failure, answer) => (failure === null ? resolve(answer) : reject(failure)));
    });
  }

  async run() {
    let request = null;
    while (!this.stopped) {
      try {
        request ??= await this.requestOf();
        const { modelVersion } = await this.call('ModelInfer', request);
        this.answers += 1;
        if (!this.firstAnswers.has(modelVersion)) this.firstAnswers.set(modelVersion, performance.now());
      } catch (thrown) {
        // Before the first answer there is no model, and before that no server.
        if (this.answers > 0) this.failures.push(thrown.message);
      }
      await sleep(askEveryMs);
    }
  }

  async requestOf() {
    const { inputs } = await this.call('ModelMetadata', { name: this.name });
    const cell = (datatype) => (datatype === 'BYTES' ? { bytesContents: [Buffer.from('a')] } : { fp32Contents: [1] });
    const tensors = inputs.map(({ name, datatype }) => ({ name, datatype, shape: [1, 1], contents: cell(datatype) }));
    return { modelName: this.name, inputs: tensors };
  }

  async stop() {
    this.stopped = true;
    await this.running;
    this.client.close();
  }
}

/** Processor seconds and resident MiB of a process, as the kernel counts them. */
function usageOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
  return {
    processorSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    residentMiB: Math.round(kib('VmRSS') / 1024),
    mostResidentMiB: Math.round(kib('VmHWM') / 1024),
  };
}

async function p99Delay(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text
    .split('\n')
    .find((one) => one.startsWith('relearn_event_loop_delay_seconds') && one.includes('0.99'));
  return Number((Number(line?.split(' ').at(-1)) * 1000).toFixed(1));
}

async function until(what, check, everyMs = 20) {
  for (;;) {
    const found = await check().catch(() => null);
    if (found) return found;
    await sleep(everyMs);
  }
}

/** Reads what `start --json` tells; keeps requests and ends of turns with the time at which they were told. */
function listen(stdout) {
  const told = { requests: new Map(), turns: new Map(), promotions: [], ended: 0, pipeline: null };
  createInterface({ input: stdout }).on('line', (line) => {
    const event = line.startsWith('{"time"') ? JSON.parse(line) : {};
    if (event.type === 'relearn.pipeline.applied.v1') told.pipeline = event.pipeline;
    if (event.type === 'relearn.retrain.requested.v1') told.requests.set(event.data.request, performance.now());
    if (event.type === 'relearn.turn.started.v1') told.turns.set(event.data.turn, event.data.request);
    if (event.type === 'relearn.model.promoted.v1') told.promotions.push({ ...event.data });
    if (event.type === 'relearn.pipeline.ended.v1') told.ended += 1;
  });
  return told;
}

async function measure(folder) {
  const [http, grpc] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${http}`;
  const env = {
    ...process.env,
    RELEARN_DATA: folder,
    RELEARN_HTTP: `127.0.0.1:${http}`,
    RELEARN_GRPC: `127.0.0.1:${grpc}`,
  };
  const more = options.speed === undefined ? [] : ['--speed', options.speed];
  const began = performance.now();
  const args = ['start', '--json', '--file', options.file, ...more];
  // By its first line, as npm and a shell start it.
  const child = spawn(join(root, 'apps/cli/bin/relearn.mjs'), args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const told = listen(child.stdout);
    await until('page', async () => (await fetch(url)).ok);
    const firstPage = seconds(performance.now() - began);
    const name = await until('pipeline', async () => told.pipeline);
    const client = new Client(`127.0.0.1:${grpc}`, name);
    await until('first model', async () => client.firstAnswers.size > 0);
    await p99Delay(url);
    const done = async () => {
      const { replays } = await (await fetch(`${url}/api/v1/status`)).json();
      return (
        told.ended + told.promotions.length > Number(options.turns) ||
        replays.every(({ state }) => state === 'done' || state === 'failed')
      );
    };
    await until('the end', done, 1000);
    const loopDelayP99Ms = await p99Delay(url);
    const replayed = usageOf(child.pid);
    await client.stop();
    await sleep(5000);
    const before = usageOf(child.pid);
    await sleep(Number(options.idle) * 1000);
    const after = usageOf(child.pid);
    const waits = told.promotions.map(({ model, turn }) => ({
      model,
      seconds: seconds(client.firstAnswers.get(String(model)) - told.requests.get(told.turns.get(turn))),
    }));
    const [first, second] = [...client.firstAnswers.values()];
    return {
      firstPageSeconds: firstPage,
      firstModelSeconds: seconds(first - began),
      firstRetrainedSeconds: second === undefined ? null : seconds(second - began),
      requestToAnswerSeconds: { median: median(waits.slice(1).map((wait) => wait.seconds)), all: waits },
      requests: { answered: client.answers, failed: client.failures.length, why: client.failures.slice(0, 3) },
      loopDelayP99Ms,
      mostResidentMiB: replayed.mostResidentMiB,
      idle: {
        residentMiB: after.residentMiB,
        corePercent: Number(
          (((after.processorSeconds - before.processorSeconds) / Number(options.idle)) * 100).toFixed(2),
        ),
      },
    };
  } finally {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  }
}

const runs = [];
for (let run = 0; run < Number(positionals[0] ?? 3); run++) {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-loop-'));
  runs.push({ ...(await measure(folder)), load: Number(loadavg()[0].toFixed(1)) });
  await rm(folder, { recursive: true, force: true });
  console.error(JSON.stringify(runs.at(-1)));
}
const of = (key) => median(runs.map((run) => run[key]));
const medians = {
  firstPageSeconds: of('firstPageSeconds'),
  firstModelSeconds: of('firstModelSeconds'),
  firstRetrainedSeconds: of('firstRetrainedSeconds'),
  requestToAnswerSeconds: median(runs.map((run) => run.requestToAnswerSeconds.median)),
  failed: median(runs.map((run) => run.requests.failed)),
  loopDelayP99Ms: of('loopDelayP99Ms'),
  idleResidentMiB: median(runs.map((run) => run.idle.residentMiB)),
  idleCorePercent: median(runs.map((run) => run.idle.corePercent)),
};
console.log(
  JSON.stringify({ file: options.file, cores: availableParallelism(), node: process.version, medians, runs }, null, 1),
);
