import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mulberry32 } from '@relearn/kernel';

const day = 86_400_000;
const start = Date.UTC(2024, 0, 1);
const days = 60;
const rowsADay = 50;

/** What decides a row's label turns round half-way: the first model is wrong from then on. */
function labelOf(index: number, x: number, y: number, noise: number): boolean {
  const score = index < (days * rowsADay) / 2 ? x - y : y - x;
  return score + (noise - 0.5) * 0.3 > 0;
}

/**
 * 3,000 rows with a label known a day later. One in a hundred breaks the contract, one in a hundred is there twice.
 */
function rowsCsv(): string {
  const next = mulberry32(4);
  const lines = ['id,at,x,y,kind,late,known_at'];
  for (let index = 0; index < days * rowsADay; index++) {
    const at = start + Math.floor((index / rowsADay) * day);
    const [x, y, noise] = [next(), next(), next()];
    const kind = ['red', 'green', 'blue'][Math.floor(next() * 3)];
    const broken = index % 100 === 37;
    const row = [
      `row-${index}`,
      new Date(at).toISOString(),
      broken ? 7 : x.toFixed(6),
      y.toFixed(6),
      kind,
      labelOf(index, x, y, noise),
      new Date(at + day).toISOString(),
    ];
    lines.push(row.join());
    if (index % 100 === 61) lines.push(row.join());
  }
  return `${lines.join('\n')}\n`;
}

const pipelineFile = `name: turnabout
source:
  rows: { files: [rows.csv], time: at, id: [id] }
schema:
  columns:
    id: string
    at: timestamp
    x: { type: number, range: [0, 1] }
    y: number
    kind: { type: category, values: [red, green, blue] }
    late: { type: boolean, known_at: label }
    known_at: { type: timestamp, known_at: label }
  window: { every: 1d, quarantine_share: 0.5 }
label: { column: late, known_at: known_at, max_delay: 3d }
features:
  - x
  - y
  - kind
  - { name: hour, expression: hour(at) }
  - { name: late_before, aggregate: mean, of: label, by: [kind], window: 2d }
train:
  task: binary
  minimum_rows: 500
  window: 12d
  candidates:
    - { trainer: boosting, parameters: { max_leaves: 7, learning_rate: 0.2, iterations: 30 } }
    - { trainer: logistic }
evaluate:
  metrics: [roc_auc]
  champion: { confidence: 0.8, rounds: 200 }
monitor:
  window: 1d
  performance: { windows: 3, minimum_labels: 60 }
retrain:
  performance: { drop: 0.05, enter: 1, of: 1 }
  drift: null
  cooldown: 4d
  minimum_labels: 150
  budget: { turns: 10, per: 60d }
`;

/** Writes the pipeline file and its rows; answers the file's path. */
export async function writePipeline(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'rows.csv'), rowsCsv());
  const file = join(folder, 'pipeline.yaml');
  await writeFile(file, pipelineFile);
  return file;
}
