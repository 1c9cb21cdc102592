// After kill -9: how soon the loop moves again. Rows and labels come all the while, and turns follow one another; a service's
// process is killed and started again at once, as a supervisor does. Measured from the kill to the first record that its
// successor adds to the log: on the topics of data, and on `control`. Beside it the longest pause between two such records
// while nothing was killed, since a service that has nothing to say adds nothing.
//
//   npm run build && node bench/recovery/run.mjs [--kafka HOST:PORT | --nats nats://HOST:PORT] [--mongodb mongodb://HOST:PORT] [--runs 5] [--only training,serving]
//
// Embedded by default: all services are one process. On Kafka or NATS each is a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { groupDefaults } from '@relearn/bus/kafka';
import { systemKernel } from '@relearn/kernel';
import { openPorts, readConfig } from '@relearn/platform';
import { silentTelemetry } from '@relearn/telemetry';
import { freePort } from '../free-port.mjs';
import { launcher, ready, startServices } from '../processes.mjs';
import { recordsOf } from '../topic-records.mjs';
import { Load } from './load.mjs';

const services = ['ingestion', 'validation', 'feature', 'training', 'evaluation', 'registry', 'serving', 'monitoring'];
const { values: options } = parseArgs({
  options: {
    kafka: { type: 'string' },
    nats: { type: 'string' },
    mongodb: { type: 'string' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string', default: services.join() },
  },
});
const embedded = options.kafka === undefined && options.nats === undefined;
/** A record that was on its way when its process died is no successor's. */
const onItsWayMs = 250;
const quietMs = 30_000;
const settleMs = 4_000;
const dataTopics = ['data.raw', 'data.valid', 'features', 'predictions', 'monitoring'];
/** What each service adds to. */
const planes = new Map([
  ['ingestion', ['data']],
  ['validation', ['data']],
  ['feature', ['data', 'control']],
  ['training', ['control']],
  ['evaluation', ['control']],
  ['registry', ['control']],
  ['serving', ['data', 'control']],
  ['monitoring', ['data', 'control']],
]);

function settingsOf(folder) {
  if (embedded) return { RELEARN_DATA: folder };
  const id = `bench${Date.now().toString(36)}`;
  return {
    RELEARN_BUS:
      options.kafka === undefined ? `${options.nats}?prefix=${id}` : `kafka://${options.kafka}?prefix=${id}.`,
    RELEARN_STORE: `${options.mongodb}/${id}`,
    RELEARN_BLOBS: `file:${join(folder, 'blobs')}`,
    RELEARN_DATA: folder,
  };
}

/** All services as one process. */
async function startAlone(settings) {
  const [http, grpc] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${http}`;
  const env = {
    ...process.env,
    ...settings,
    RELEARN_HTTP: `127.0.0.1:${http}`,
    RELEARN_GRPC: `127.0.0.1:${grpc}`,
    RELEARN_LOG: 'warn',
  };
  let child;
  const end = async (signal) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  const start = () => {
    child = spawn(process.execPath, [launcher, 'up'], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  };
  start();
  await ready(url);
  return { url, start, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}

/** By `service/plane`: the times (wall, ms) at which its records were appended, in order. */
async function progressIn(settings) {
  const { engines, env, partitions } = readConfig(settings);
  const onFailure = (error) => {
    throw error;
  };
  const base = { kernel: systemKernel, telemetry: silentTelemetry(), partitions, durable: true, holdResults: false };
  const { ports, close } = await openPorts({ ...base, engines, env, onFailure });
  const times = new Map();
  try {
    for (const topic of [...dataTopics, 'control']) {
      for (const { headers, appendedAt } of await recordsOf(ports.bus, topic)) {
        if (headers.ce_type === 'relearn.checkpoint.saved.v1') continue;
        const [service] = headers.ce_source.split('/');
        // What monitoring decides on windows stands beside its profiles of them.
        const plane = topic === 'control' ? 'control' : 'data';
        const key = `${service}/${plane}`;
        times.set(key, [...(times.get(key) ?? []), appendedAt]);
      }
    }
  } finally {
    await close();
  }
  for (const list of times.values()) list.sort((a, b) => a - b);
  return times;
}

async function measure() {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-recovery-'));
  const settings = settingsOf(folder);
  const platform = embedded ? await startAlone(settings) : await startServices([...services, 'console'], settings);
  const load = new Load(platform.url);
  const kills = [];
  try {
    await load.start();
    await sleep(settleMs);
    const quiet = { from: Date.now(), until: Date.now() + quietMs };
    await sleep(quietMs);
    const victims = embedded ? ['all'] : options.only.split(',');
    for (let run = 0; run < Number(options.runs); run++) {
      for (const victim of victims) {
        const at = Date.now();
        await platform.kill(victim);
        platform.start(victim);
        kills.push({ victim, at, turnEnded: await load.turnAfter() });
        await sleep(settleMs);
      }
      console.error(`run ${run + 1}`);
    }
    await load.stop();
    await platform.stop();
    return { quiet, kills, times: await progressIn(settings) };
  } finally {
    await platform.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const seconds = (ms) => (ms / 1000).toFixed(1);

function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return `${seconds(sorted[sorted.length >> 1])} (${seconds(sorted[0])}-${seconds(sorted.at(-1))})`;
}

function longestPause(times, { from, until }) {
  const within = times.filter((time) => time >= from && time <= until);
  return Math.max(...within.slice(1).map((time, index) => time - within[index]));
}

const { quiet, kills, times } = await measure();
console.log('seconds after kill -9: median (least-greatest); in quiet: the longest pause between two records');
for (const [service, names] of planes) {
  const mine = kills.filter(({ victim }) => victim === service || victim === 'all');
  if (mine.length === 0) continue;
  for (const plane of names) {
    const all = times.get(`${service}/${plane}`) ?? [];
    const after = mine.map(({ at }) => (all.find((time) => time > at + onItsWayMs) ?? Number.NaN) - at);
    console.log(
      `${service}, ${plane}: ${spread(after)}, in quiet ${seconds(longestPause(all, quiet))}, n ${mine.length}`,
    );
  }
}
console.log(
  `a whole turn that was asked for afterwards: ${spread(kills.map(({ turnEnded }) => turnEnded))}, n ${kills.length}`,
);
const { sessionMs, heartbeatMs } = groupDefaults;
const ofKafka = `sessions of Kafka's groups ${sessionMs} ms, a heartbeat every ${heartbeatMs} ms`;
const settings = options.kafka === undefined ? 'sessions and leases by default' : ofKafka;
const engines = embedded ? 'embedded, one process' : `a process a service; ${settings}`;
console.log(
  `${engines}; ${availableParallelism()} cores, Node ${process.version}, load ${loadavg()[0].toFixed(1)} at the end`,
);
process.exit(0);
