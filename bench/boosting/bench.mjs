// Our gradient boosting against LightGBM and scikit-learn, one thread, equal parameters; see README.md.
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { python: { type: 'string', default: 'python3' }, runs: { type: 'string', default: '5' } },
});
const [folder] = positionals;
if (folder === undefined) {
  console.error('usage: node bench/boosting/bench.mjs TABLE_FOLDER [--python PATH] [--runs N]');
  process.exit(2);
}
const here = dirname(fileURLToPath(import.meta.url));
const parameters = { iterations: 200, learning_rate: 0.08, max_leaves: 31, min_rows: 20, l2: 0 };
const contestants = {
  relearn: (columns) => [process.execPath, join(here, 'own.mjs'), folder, columns],
  lightgbm: (columns) => [values.python, join(here, 'peer.py'), folder, 'lightgbm', columns],
  'scikit-learn': (columns) => [values.python, join(here, 'peer.py'), folder, 'scikit-learn', columns],
};

function run(name, columns) {
  const [command, ...rest] = contestants[name](columns);
  return JSON.parse(execFileSync(command, [...rest, JSON.stringify(parameters)], { encoding: 'utf8' }));
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

function spread(numbers, digits) {
  return `${median(numbers).toFixed(digits)} (${Math.min(...numbers).toFixed(digits)}-${Math.max(...numbers).toFixed(digits)})`;
}

function column(results, unit) {
  return results.map((result) => result[unit]);
}

for (const columns of ['schedule', 'all']) {
  // Round by round, so that what else the machine does meets all alike.
  const results = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round < Number(values.runs); round++) {
    for (const name of Object.keys(contestants)) results[name].push(run(name, columns));
  }
  console.log(`\ncolumns: ${columns}; n = ${values.runs}; median (least-greatest)`);
  for (const [name, own] of Object.entries(results)) {
    const ratios = (unit) => results.relearn.map((ours, round) => ours[unit] / own[round][unit]);
    const loss = own[0].log_loss;
    console.log(
      `${name.padEnd(13)} ${spread(column(own, 'seconds'), 2)} s, CPU ${spread(column(own, 'cpu_seconds'), 2)} s, log loss ${loss.toFixed(5)};`,
      `ours / its: time ${spread(ratios('seconds'), 2)}, CPU ${spread(ratios('cpu_seconds'), 2)}, log loss ${(results.relearn[0].log_loss / loss).toFixed(4)}`,
    );
  }
  const scored = results.relearn.map(({ onnx }) => onnx);
  console.log(
    `ONNX Runtime  ${scored[0].bytes} bytes, load ${spread(
      scored.map((s) => s.load_ms),
      0,
    )} ms,`,
    `1 row ${spread(
      scored.map((s) => s.row_ms),
      3,
    )} ms, 1,000 rows ${spread(
      scored.map((s) => s.thousand_ms),
      2,
    )} ms`,
  );
}
