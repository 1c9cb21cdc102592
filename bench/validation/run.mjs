// Rows a second through validation: encoded event in, encoded event out (decoding, schema, contract, deduplication,
// windows, encoding), 12 columns, one thread, nothing else. `npm run build` first; node bench/validation/run.mjs [rows]
import { BatchBuilder, decodeEvent, encodeEvent, dataReceived } from '@relearn/contracts';
import { formatTimestamp, seededChance } from '@relearn/kernel';
import { recordsFor } from '@relearn/runtime';
import { silentTelemetry } from '@relearn/telemetry';
import { validate } from '../../services/validation/dist/handlers/validate.js';

const rows = Number(process.argv[2] ?? 300_000);
const hour = 3_600_000;
const start = Date.UTC(2024, 0, 1);
const column = (type, nullable = false, more = {}) => ({ type, nullable, ...more });
const places = ['north', 'south', 'east', 'west'];
const columns = {
  id: column('string'),
  at: column('timestamp'),
  origin: column('category', false, { values: places }),
  destination: column('category', false, { values: places }),
  carrier: column('category'),
  vehicle: column('category', true),
  distance: column('number', false, { range: [0, 10_000] }),
  load: column('number', true),
  stops: column('integer', false, { range: [0, 50] }),
  code: column('string', true, { pattern: '^[A-Z]{2}[0-9]+$' }),
  express: column('boolean'),
  fare: column('number', true),
};
const spec = {
  name: 'trips',
  source: { rows: { files: [], time: 'at', id: ['id'] }, context: {}, lateness: 0, max_record_bytes: 262_144 },
  schema: { columns, context: {}, window: { every: 24 * hour, null_share: { load: 0.5 }, quarantine_share: 0.1 } },
  label: { delay: 0, max_delay: hour, classes: ['0', '1'] },
  train: { task: 'binary' },
};

function rowOf(index, chance) {
  const time = start + index * 1500;
  return {
    time,
    values: {
      id: `trip-${index}-${Math.floor(chance.next() * 1e6)}`,
      at: formatTimestamp(time),
      origin: places[index % 4],
      destination: places[(index >> 2) % 4],
      carrier: `C${index % 17}`,
      vehicle: index % 50 === 0 ? null : `V${index % 900}`,
      distance: index % 200 === 0 ? -1 : Math.round(chance.next() * 9e5) / 100,
      load: index % 10 === 0 ? null : chance.next(),
      stops: index % 9,
      code: `AB${index % 1000}`,
      express: index % 3 === 0,
      fare: chance.next() * 100,
    },
  };
}

const chance = seededChance(1);
const encoded = [];
for (let from = 0; from < rows; from += 1000) {
  const builder = new BatchBuilder();
  for (let index = from; index < Math.min(rows, from + 1000); index++) {
    const { time, values } = rowOf(index, chance);
    builder.add('rows', values.id, time, values);
  }
  const source = 'bench/data.raw';
  const attributes = { id: `${source}@${from}`, source, type: dataReceived.type, sequence: from, previous: null };
  const time = formatTimestamp(start);
  encoded.push(encodeEvent({ ...attributes, time, pipeline: 'trips', pipelineversion: 1, data: builder.build() }));
}

const catalog = { version: () => ({ spec, version: 1, digest: '', shards: [0] }), controlPartition: () => 0 };
const shard = { partition: 0, ports: { catalog, telemetry: silentTelemetry() }, blob: () => '' };
const runs = [];
for (let run = 0; run < 3; run++) {
  const fold = validate();
  const state = await fold.open(shard, new Map());
  const published = new Map();
  let longest = 0;
  let saved = 0;
  const cpu = process.cpuUsage();
  const began = performance.now();
  for (const [position, { headers, value }] of encoded.entries()) {
    const before = performance.now();
    const event = { ...decodeEvent({ headers, value }), topic: 'data.raw', partition: 0, position };
    const emissions = await fold.apply(state, event, 0, shard);
    for (const emitted of emissions) recordsFor(emitted, published);
    if (position % 64 === 63) for (const bytes of fold.save(state).values()) saved += bytes?.length ?? 0;
    longest = Math.max(longest, performance.now() - before);
  }
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const rowsPerCpuSecond = Math.round((rows * 1e6) / (user + system));
  runs.push({
    rowsPerCpuSecond,
    rowsPerSecond: Math.round(rows / seconds),
    longestMs: Number(longest.toFixed(1)),
    savedBytes: saved,
  });
  if (run === 0) console.log(JSON.stringify(fold.counts(state)));
}
runs.sort((a, b) => a.rowsPerSecond - b.rowsPerSecond);
console.log(JSON.stringify({ rows, columns: Object.keys(columns).length, median: runs[1], runs }, null, 1));
