// Control events a second: a decider on the runtime reads an event, loads its aggregate, decides, writes it with the outbox by
// compare-and-set, publishes and clears the outbox. From its start to the last answer in the log. Beside it the
// ceiling in the same run: the same two writes and the same publish for each event and nothing else, an aggregate at a time
// in each partition.
//
//   npm run build && node bench/control/run.mjs [--kafka HOST:PORT --mongodb mongodb://HOST:PORT] [--nats nats://HOST:PORT] [--runs 5] [--events 4000] [--pipelines 64]
//
// Embedded by default; NATS needs --mongodb too.
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { decodeAttributes, defineEvent, encodeEvent, partitionFor } from '@relearn/contracts';
import { systemKernel } from '@relearn/kernel';
import { openPorts, readConfig } from '@relearn/platform';
import { aggregateCollection, deciderPart, own } from '@relearn/runtime';
import { silentTelemetry } from '@relearn/telemetry';

const { values: options } = parseArgs({
  options: {
    kafka: { type: 'string' },
    nats: { type: 'string' },
    mongodb: { type: 'string' },
    runs: { type: 'string', default: '5' },
    events: { type: 'string', default: '4000' },
    pipelines: { type: 'string', default: '64' },
  },
});
const runs = Number(options.runs);
const events = Number(options.events);
const pipelines = Number(options.pipelines);
const partitions = 8;

const data = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'], additionalProperties: false };
const asked = defineEvent({ name: 'bench.asked', version: 1, topic: 'control', data });
const answered = defineEvent({ name: 'bench.answered', version: 1, topic: 'control', data });
const decider = {
  service: 'registry',
  topics: ['control'],
  route: (event) => (asked.is(event) ? event.pipeline : null),
  initial: () => ({ count: 0 }),
  decide: (_state, event) => ({ events: [own({ type: answered, data: { n: event.data.n }, pipelineVersion: 1 })] }),
  evolve: ({ count }, event) => ({ count: asked.is(event) ? count + 1 : count }),
  encode: (state) => state,
  decode: (body) => body,
};

/** What `n` asks for: the pipelines in turn. */
const questions = Array.from({ length: events }, (_, n) => {
  const pipeline = `p${n % pipelines}`;
  const sequence = Math.floor(n / pipelines) + 1;
  const source = `bench/${pipeline}/control`;
  const event = {
    id: `${source}@${sequence}`,
    source,
    type: asked.type,
    sequence,
    previous: sequence === 1 ? null : sequence - 1,
    time: '2024-01-01T00:00:00.000Z',
    pipeline,
    pipelineversion: 1,
    data: { n },
  };
  return { topic: 'control', partition: partitionFor(pipeline, partitions), key: pipeline, ...encodeEvent(event) };
});

async function withPorts(environment, work) {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-bench-'));
  const { engines, env } = readConfig({ RELEARN_DATA: folder, ...environment(folder) });
  const onFailure = (error) => {
    throw error;
  };
  const telemetry = silentTelemetry();
  const opened = await openPorts({
    engines,
    env,
    kernel: systemKernel,
    telemetry,
    partitions,
    durable: true,
    holdResults: false,
    onFailure,
  });
  try {
    return await work(opened.ports);
  } finally {
    await opened.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function published(ports, records) {
  for (let at = 0; at < records.length; at += 500) await ports.bus.publish(records.slice(at, at + 500));
}

/** Resolves when so many answers are in the log. */
async function answers(ports, wanted) {
  const ended = new AbortController();
  let seen = 0;
  const follow = async (partition) => {
    const reader = ports.bus.follow('control', partition, 0);
    while (!ended.signal.aborted) {
      const records = await reader.next({ maxRecords: 500, maxBytes: 1 << 20 }, ended.signal);
      seen += records.filter((record) => decodeAttributes(record.headers).type === answered.type).length;
      if (seen >= wanted) ended.abort();
    }
  };
  await Promise.all(Array.from({ length: partitions }, (_, partition) => follow(partition)));
}

/** Events a second through the decider. */
async function decided(ports) {
  await published(ports, questions);
  const part = deciderPart(ports, decider);
  const began = performance.now();
  const all = answers(ports, events);
  await part.start();
  await all;
  const seconds = (performance.now() - began) / 1000;
  await part.stop();
  return events / seconds;
}

/** The same writes and publishes by hand. */
async function bare(ports) {
  const collection = aggregateCollection('registry');
  const byPartition = Array.from({ length: partitions }, (_, partition) =>
    questions.filter((question) => question.partition === partition),
  );
  const began = performance.now();
  await Promise.all(
    byPartition.map(async (records) => {
      const versions = new Map();
      for (const record of records) {
        const body = { pipeline: record.key, outbox: [record.headers], state: { count: 1 } };
        const id = `bare-${record.key}`;
        const version = versions.get(id);
        const first =
          version === undefined
            ? await ports.store.create(collection, id, body)
            : await ports.store.replace(collection, id, version, body);
        await ports.bus.publish([record]);
        const second = await ports.store.replace(collection, id, first.version, { ...body, outbox: [] });
        versions.set(id, second.version);
      }
    }),
  );
  return events / ((performance.now() - began) / 1000);
}

const name = () => `bench${Date.now().toString(36)}`;
const shared = (bus) => (folder) => ({
  RELEARN_BUS: bus(name()),
  RELEARN_STORE: `${options.mongodb}/${name()}`,
  RELEARN_BLOBS: `file:${folder}/blobs`,
});
const modes = new Map([['embedded', () => ({})]]);
if (options.kafka !== undefined)
  modes.set(
    'kafka and mongodb',
    shared((id) => `kafka://${options.kafka}?prefix=${id}.`),
  );
if (options.nats !== undefined)
  modes.set(
    'nats and mongodb',
    shared((id) => `${options.nats}?prefix=${id}`),
  );
const figures = new Map();
for (let run = 0; run < runs; run++) {
  for (const [mode, environment] of modes) {
    const through = await withPorts(environment, decided);
    const ceiling = await withPorts(environment, bare);
    figures.set(mode, [...(figures.get(mode) ?? []), { through, ceiling }]);
    console.error(`${mode}: ${Math.round(through)} events/s, bare ${Math.round(ceiling)}`);
  }
}
for (const [mode, all] of figures) {
  const of = (value) => {
    const sorted = all.map(value).sort((a, b) => a - b);
    const show = (number) => (number < 10 ? number.toFixed(2) : Math.round(number));
    return `${show(sorted[sorted.length >> 1])} (${show(sorted[0])}-${show(sorted.at(-1))})`;
  };
  const share = of(({ through, ceiling }) => through / ceiling);
  console.log(
    `${mode}: ${of(({ through }) => through)} events/s, ${share} of the bare ${of(({ ceiling }) => ceiling)}, n ${runs}`,
  );
}
const setting = `${events} events, ${pipelines} pipelines, ${partitions} partitions`;
console.log(
  `${setting}; ${availableParallelism()} cores, Node ${process.version}, load ${loadavg()[0].toFixed(1)} at the end`,
);
process.exit(0);
