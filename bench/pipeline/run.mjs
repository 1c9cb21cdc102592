// Raw event to feature row: the flights in batches of 100 through validation and feature on a durable embedded folder,
// from the door's write to the feature row's acknowledgement. Beside it the ceiling: publishing the same records of the
// same three topics and nothing else, in the same run. `npm run build` first; node bench/pipeline/run.mjs [runs] [records]
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { createFeature } from '@relearn/feature';
import { openRecorded, publishRecorded } from '@relearn/ingestion';
import { Lifecycle, systemKernel } from '@relearn/kernel';
import { embeddedEngines, loadPipeline, namedFiles, openPorts } from '@relearn/platform';
import { createRegistry } from '@relearn/registry';
import { openTable } from '@relearn/tabular';
import { silentTelemetry } from '@relearn/telemetry';
import { createValidation } from '@relearn/validation';
import { inWindow } from '../in-window.mjs';
import { recordsOf } from '../topic-records.mjs';

const runs = Number(process.argv[2] ?? 5);
const records = Number(process.argv[3] ?? 60_000);
const batchRecords = 100;
/** Batches on their way at once, as from a few producers. */
const underWay = 8;
const topics = ['data.raw', 'data.valid', 'features'];

const file = fileURLToPath(new URL('../../examples/flights/pipeline.yaml', import.meta.url));
const pipeline = await loadPipeline(file);
const tables = await Promise.all(
  namedFiles(pipeline).map(async ({ stream, path }) => ({ stream, table: await openTable(path) })),
);

async function withPorts(work) {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-bench-'));
  const onFailure = (error) => {
    throw error;
  };
  const options = {
    engines: embeddedEngines(folder),
    kernel: systemKernel,
    telemetry: silentTelemetry(),
    partitions: 8,
    onFailure,
  };
  const opened = await openPorts({ ...options, durable: true, holdResults: false });
  try {
    return await work(opened.ports);
  } finally {
    await opened.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measured(work) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const cpu = process.cpuUsage();
  const began = performance.now();
  delay.enable();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const loopDelayP99Ms = Number((delay.percentile(99) / 1e6).toFixed(1));
  return { seconds, processorSeconds: (user + system) / 1e6, loopDelayP99Ms };
}

async function throughServices(ports) {
  const registry = createRegistry(ports, { deadlines: false });
  const lifecycle = new Lifecycle();
  for (const service of [registry, createFeature(ports), createValidation(ports)]) {
    for (const part of service.parts) lifecycle.add(part);
  }
  await lifecycle.start();
  await registry.commands.apply(pipeline.spec, pipeline.digest, 'bench');
  const log = await openRecorded(pipeline.spec, tables, { breathe: systemKernel.clock.breathe });
  const batches = [];
  for (let read = 0; read < records; read += batches.at(-1).records.length) {
    const batch = log.next(Number.POSITIVE_INFINITY, batchRecords);
    if (batch === null) break;
    batches.push(batch);
  }
  const figures = await measured(async () => {
    await inWindow(batches, underWay, (batch) => publishRecorded(ports, pipeline.spec.name, batch));
    await ports.activity.idle(ports.bus);
  });
  const logged = await Promise.all(topics.map(async (topic) => (await recordsOf(ports.bus, topic)).map(asPublished)));
  await lifecycle.stop();
  return { figures, logged, count: batches.reduce((sum, batch) => sum + batch.records.length, 0) };
}

/** Without what the log has added. */
const asPublished = ({ topic, partition, key, headers, value }) => ({ topic, partition, key, headers, value });

const figuresOf = [];
for (let run = 0; run < runs; run++) {
  const { figures, logged, count } = await withPorts(throughServices);
  const all = logged[0].flatMap((_, index) => logged.flatMap((topic) => topic.slice(index, index + 1)));
  const bare = await withPorts((ports) =>
    measured(() => inWindow(all, underWay, (record) => ports.bus.publish([record]))),
  );
  const bytes = all.reduce((sum, { value }) => sum + value.byteLength, 0);
  figuresOf.push({
    recordsPerSecond: Math.round(count / figures.seconds),
    recordsPerProcessorSecond: Math.round(count / figures.processorSeconds),
    loopDelayP99Ms: figures.loopDelayP99Ms,
    barePublishPerSecond: Math.round(count / bare.seconds),
    shareOfBare: Number((bare.seconds / figures.seconds).toFixed(2)),
    events: all.length,
    bytesPerRecord: Math.round(bytes / count),
    load: Number(loadavg()[0].toFixed(1)),
  });
  console.error(JSON.stringify(figuresOf.at(-1)));
}
const rates = figuresOf.map((one) => one.recordsPerSecond).sort((a, b) => a - b);
const summary = { least: rates[0], median: rates[rates.length >> 1], most: rates.at(-1) };
const setting = { runs, records, batchRecords, underWay, cores: availableParallelism(), node: process.version };
console.log(JSON.stringify({ ...setting, recordsPerSecond: summary, figures: figuresOf }, null, 1));
process.exit(0);
