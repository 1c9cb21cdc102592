// Raw event to feature row over Kafka, each service a process of its own: the flights, so many rows an event, through validation
// and feature, from the door's first write to the last feature row in the log. Beside it the ceiling in the same run: bare
// kafkajs produces and consumes the same raw events, as many on their way at once.
//
//   npm run build && node bench/distributed/run.mjs --kafka HOST:PORT --mongodb mongodb://HOST:PORT [--runs 3] [--records 60000]
//     [--rows 1,10,100]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { decodeEvent } from '@relearn/contracts';
import { openRecorded, publishRecorded } from '@relearn/ingestion';
import { systemKernel } from '@relearn/kernel';
import { loadPipeline, namedFiles, openPorts, readConfig } from '@relearn/platform';
import { openTable } from '@relearn/tabular';
import { silentTelemetry } from '@relearn/telemetry';
import { inWindow } from '../in-window.mjs';
import { launcher, startServices } from '../processes.mjs';
import { recordsOf } from '../topic-records.mjs';

const { values: options } = parseArgs({
  options: {
    kafka: { type: 'string' },
    mongodb: { type: 'string' },
    runs: { type: 'string', default: '3' },
    records: { type: 'string', default: '60000' },
    rows: { type: 'string', default: '1,10,100' },
  },
});
const [runs, records] = [Number(options.runs), Number(options.records)];
/** Rows or labels an event has at most. */
const sizes = options.rows.split(',').map(Number);
const underWay = 8;
const services = ['registry', 'validation', 'feature', 'console'];

const root = fileURLToPath(new URL('../../', import.meta.url));
const file = join(root, 'examples/flights/pipeline.yaml');
const pipeline = await loadPipeline(file);
const tables = await Promise.all(
  namedFiles(pipeline).map(async ({ stream, path }) => ({ stream, table: await openTable(path) })),
);
const { Kafka, logLevel, Partitioners } = createRequire(join(root, 'libs/bus/package.json'))('kafkajs');

async function relearn(url, ...words) {
  const env = { ...process.env, RELEARN_URL: url };
  const child = spawn(process.execPath, [launcher, ...words], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`relearn ${words.join(' ')} ended with ${code}`);
}

async function batches(batchRecords) {
  const log = await openRecorded(pipeline.spec, tables, { breathe: systemKernel.clock.breathe });
  const found = [];
  for (let read = 0; read < records; read += found.at(-1).records.length) {
    const batch = log.next(Number.POSITIVE_INFINITY, batchRecords);
    if (batch === null) break;
    found.push(batch);
  }
  return found;
}

const processorSeconds = async (pids) => {
  const ticks = await Promise.all(
    pids.map(async (pid) => {
      const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ');
      return Number(fields[11]) + Number(fields[12]);
    }),
  );
  return ticks.reduce((sum, one) => sum + one, 0) / 100;
};

/** Resolves when so many feature rows are in the log. */
async function featureRows(bus, wanted) {
  const ended = new AbortController();
  let seen = 0;
  const follow = async (partition) => {
    const reader = bus.follow('features', partition, 0);
    while (!ended.signal.aborted) {
      const read = await reader.next({ maxRecords: 500, maxBytes: 8 << 20 }, ended.signal);
      seen += read.reduce((sum, record) => sum + decodeEvent(record).data.ids.length, 0);
      if (seen >= wanted) ended.abort();
    }
  };
  const { length } = await bus.bounds('features');
  await Promise.all(Array.from({ length }, (_, partition) => follow(partition)));
}

async function throughServices(folder, batchRecords) {
  const id = `bench${Date.now().toString(36)}`;
  const settings = {
    RELEARN_BUS: `kafka://${options.kafka}?prefix=${id}.`,
    RELEARN_STORE: `${options.mongodb}/${id}`,
    RELEARN_BLOBS: `file:${join(folder, 'blobs')}`,
    RELEARN_DATA: folder,
  };
  const running = await startServices(services, settings);
  const { engines, env, partitions } = readConfig(settings);
  const opened = await openPorts({
    engines,
    env,
    kernel: systemKernel,
    telemetry: silentTelemetry(),
    partitions,
    durable: true,
    holdResults: false,
    onFailure: (error) => {
      throw error;
    },
  });
  try {
    await relearn(running.url, 'apply', file);
    const all = await batches(batchRecords);
    const wanted = all.flatMap((batch) => batch.records).filter(({ stream }) => stream === 'rows').length;
    const pids = running.pids();
    const cpu = await processorSeconds(pids);
    const own = process.cpuUsage();
    await inWindow(all, underWay, (batch) => publishRecorded(opened.ports, pipeline.spec.name, batch));
    const { user, system } = process.cpuUsage(own);
    await featureRows(opened.ports.bus, wanted);
    const spent = (await processorSeconds(pids)) - cpu + (user + system) / 1e6;
    const [raw, features] = await Promise.all([
      recordsOf(opened.ports.bus, 'data.raw'),
      recordsOf(opened.ports.bus, 'features'),
    ]);
    const times = (list) => list.map(({ appendedAt }) => appendedAt);
    const seconds = (Math.max(...times(features)) - Math.min(...times(raw))) / 1000;
    return { count: all.reduce((sum, batch) => sum + batch.records.length, 0), rows: wanted, seconds, spent, raw };
  } finally {
    await opened.close();
    await running.stop();
  }
}

/** Bare kafkajs on the same records: a send a record, its consumer reading meanwhile; seconds until it has read all. */
async function bare(raw) {
  const topic = `bare-${Date.now().toString(36)}`;
  const client = new Kafka({ brokers: [options.kafka], clientId: 'bare', logLevel: logLevel.NOTHING });
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const admin = client.admin();
  await Promise.all([producer.connect(), admin.connect()]);
  await admin.createTopics({ topics: [{ topic, numPartitions: 8 }], waitForLeaders: true });
  const consumer = client.consumer({ groupId: topic });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let seen = 0;
  let joined;
  const inGroup = new Promise((resolve) => {
    joined = resolve;
  });
  consumer.on(consumer.events.GROUP_JOIN, () => joined());
  let finish;
  const all = new Promise((resolve) => {
    finish = resolve;
  });
  await consumer.run({
    eachBatch: async ({ batch: { messages } }) => {
      seen += messages.length;
      if (seen >= raw.length) finish();
    },
  });
  await inGroup;
  const cpu = process.cpuUsage();
  const began = performance.now();
  await inWindow(raw, underWay, ({ partition, key, headers, value }) =>
    producer.send({ topic, acks: -1, messages: [{ partition, key, headers, value: Buffer.from(value) }] }),
  );
  await all;
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await Promise.all([consumer.disconnect(), producer.disconnect(), admin.disconnect()]);
  return { seconds, spent: (user + system) / 1e6 };
}

async function measured(batchRecords) {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-bench-'));
  const { count, rows, seconds, spent, raw } = await throughServices(folder, batchRecords);
  const ceiling = await bare(raw);
  await rm(folder, { recursive: true, force: true });
  return {
    recordsPerSecond: Math.round(count / seconds),
    recordsPerProcessorSecond: Math.round(count / spent),
    barePerSecond: Math.round(count / ceiling.seconds),
    barePerProcessorSecond: Math.round(count / ceiling.spent),
    shareOfBare: Number((ceiling.seconds / seconds).toFixed(3)),
    featureRows: rows,
    rawEvents: raw.length,
  };
}

function spread(found, name) {
  const sorted = found.map((one) => one[name]).sort((a, b) => a - b);
  return { least: sorted[0], median: sorted[sorted.length >> 1], most: sorted.at(-1) };
}

const setting = { runs, records, underWay, cores: availableParallelism(), node: process.version };
const figures = [];
for (const size of sizes) {
  const found = [];
  for (let run = 0; run < runs; run++) {
    found.push(await measured(size));
    console.error(JSON.stringify({ recordsAnEvent: size, ...found.at(-1) }));
  }
  const [recordsPerSecond, shareOfBare] = ['recordsPerSecond', 'shareOfBare'].map((name) => spread(found, name));
  figures.push({ recordsAnEvent: size, recordsPerSecond, shareOfBare });
}
console.log(JSON.stringify({ ...setting, figures, load: Number(loadavg()[0].toFixed(1)) }, null, 1));
process.exit(0);
