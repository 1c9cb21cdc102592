// Time and memory to read recorded data into its order, and records a second to encode and hand it to a bus that
// keeps nothing. `npm run build` first; node bench/ingestion/run.mjs PIPELINE.json STREAM=FILE... (a resolved pipeline spec)
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { openRecorded, publishRecorded } from '@relearn/ingestion';
import { systemKernel } from '@relearn/kernel';
import { openTable } from '@relearn/tabular';
import { silentTelemetry } from '@relearn/telemetry';

const [specFile, ...files] = process.argv.slice(2);
if (specFile === undefined || files.length === 0) {
  console.error('usage: node bench/ingestion/run.mjs PIPELINE.json STREAM=FILE...');
  process.exit(2);
}
const spec = JSON.parse(readFileSync(specFile, 'utf8'));
const delay = monitorEventLoopDelay({ resolution: 5 });
const mebibytes = () => Math.round(process.memoryUsage.rss() / 2 ** 20);
const seconds = (from) => Number(((performance.now() - from) / 1000).toFixed(2));

delay.enable();
const began = performance.now();
const tables = [];
for (const file of files) {
  const [stream, path] = file.split('=');
  tables.push({ stream, table: await openTable(path) });
}
const log = await openRecorded(spec, tables, { breathe: () => systemKernel.clock.breathe() });
const open = { seconds: seconds(began), rssMiB: mebibytes(), loopDelayP99Ms: Math.round(delay.percentile(99) / 1e6) };

// Counts what would be kept: the log of a year in memory is not what is measured.
let bytes = 0;
const counting = {
  publish: async (records) => {
    for (const { value } of records) bytes += value.byteLength;
    return records.map(() => 0);
  },
};
const applied = { spec, version: 1, digest: '', shards: [0] };
const ports = {
  kernel: systemKernel,
  bus: counting,
  telemetry: silentTelemetry(),
  catalog: { latest: () => applied },
  partitions: 1,
  instance: 'bench',
};
delay.reset();
const publishing = performance.now();
for (let batch = log.next(Infinity, 1000); batch !== null; batch = log.next(Infinity, 1000)) {
  await publishRecorded(ports, spec.name, batch);
}
const published = seconds(publishing);
console.log(
  JSON.stringify(
    {
      records: log.total,
      open,
      publish: {
        seconds: published,
        recordsPerSecond: Math.round(log.total / published),
        mebibytes: Math.round(bytes / 2 ** 20),
        loopDelayP99Ms: Math.round(delay.percentile(99) / 1e6),
        rssMiB: mebibytes(),
      },
    },
    null,
    1,
  ),
);
