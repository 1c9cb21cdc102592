// Rows a second through the feature engine: 20 features, six of them windows over labels, and a weather join.
// Build first (`npm run build`), then: node bench/features/run.mjs [rows] [runs]
import { BatchBuilder, clockStream, labelStream, rowStream } from '@relearn/contracts';
import { createFeatureEngine } from '@relearn/features';
import { mulberry32 } from '@relearn/kernel';
import { benchSpec } from './spec.mjs';

const rows = Number(process.argv[2] ?? 100_000);
const runs = Number(process.argv[3] ?? 5);
const hour = 3_600_000;

/** Rows every 94 s on average (a year of 336,776), each with a label two to five hours later, and hourly weather. */
function makeBatches() {
  const next = mulberry32(7);
  const pick = (list) => list[Math.floor(next() * list.length)];
  const origins = ['EWR', 'JFK', 'LGA'];
  const carriers = Array.from({ length: 16 }, (_, index) => `C${index}`);
  const targets = Array.from({ length: 105 }, (_, index) => `D${index}`);
  const records = [];
  let time = Date.UTC(2013, 0, 1, 5);
  for (let index = 0; index < rows; index++) {
    time += Math.floor(next() * 188_000);
    const values = {
      origin: pick(origins),
      carrier: pick(carriers),
      dest: pick(targets),
      distance: Math.floor(next() * 2500) + 100,
      planned: Math.floor(next() * 400) + 30,
    };
    records.push({ stream: rowStream, rank: 2, id: `r${index}`, time, at: time, values });
    const known = time + Math.floor((2 + 3 * next()) * hour);
    const label = { event_id: `r${index}`, value: next() < 0.2 };
    records.push({ stream: labelStream, rank: 1, id: `l${index}`, time: known, at: known, values: label });
  }
  for (let observed = Date.UTC(2013, 0, 1, 4); observed < time; observed += hour) {
    for (const origin of origins) {
      const values = { origin, temperature: next() * 30, wind: next() * 20 };
      const id = `${origin}${observed}`;
      records.push({ stream: 'weather', rank: 0, id, time: observed, at: observed + hour, values });
    }
  }
  records.sort((a, b) => a.at - b.at || a.rank - b.rank);
  records.push({ stream: clockStream, id: 'end', time: time + 6 * hour, values: {} });
  const batches = [];
  let builder = new BatchBuilder();
  for (const { stream, id, time: at, values } of records) {
    builder.add(stream, id, at, values);
    if (builder.full) {
      batches.push(builder.build());
      builder = new BatchBuilder();
    }
  }
  batches.push(builder.build());
  return batches;
}

function run(batches, addresses) {
  const engine = createFeatureEngine(benchSpec);
  const begin = performance.now();
  const used = process.cpuUsage();
  let computed = 0;
  for (const batch of batches) computed += engine.apply(batch, addresses).ids.length;
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(used);
  return { wall: computed / seconds, cpu: (computed * 1e6) / (user + system), engine };
}

const batches = makeBatches();
const addresses = Array.from({ length: 1000 }, (_, index) => index);
run(batches, addresses);
const results = Array.from({ length: runs }, () => run(batches, addresses));

function spread(rates) {
  const sorted = rates.map(Math.round).sort((a, b) => a - b);
  return { median: sorted[Math.floor(runs / 2)], least: sorted[0], most: sorted[runs - 1] };
}

const begin = performance.now();
const saved = results[0].engine.save();
const saveMs = performance.now() - begin;
console.log(
  JSON.stringify({
    rows,
    features: benchSpec.features.length,
    runs,
    rowsPerSecond: spread(results.map(({ wall }) => wall)),
    // On a shared machine: what one processor to itself would give, garbage collection included.
    rowsPerCpuSecond: spread(results.map(({ cpu }) => cpu)),
    state: { bytes: saved.length, saveMs: Number(saveMs.toFixed(1)) },
  }),
);
