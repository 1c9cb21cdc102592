import type { Chance } from '@relearn/kernel';

export const pipelineName = 'chaos';

/** How long the world stays as it is, ms: then what was good is bad, and the model is wrong. */
const ageMs = 40_000;
/** One row in so many breaks the contract. */
const brokenEvery = 40;

/** Live data in the small: windows of seconds, a turn every quarter of a minute or when quality falls. */
const pipelineFile = `name: ${pipelineName}
source:
  rows: { time: at, id: [id] }
  lateness: 2s
schema:
  columns:
    id: string
    at: timestamp
    x: { type: number, range: [0, 1] }
    y: number
    kind: { type: category, values: [red, green, blue] }
    good: { type: boolean, nullable: true, known_at: label }
  window: { every: 5s, quarantine_share: 0.9 }
label: { column: good, delay: 1s, max_delay: 10s }
features:
  - x
  - y
  - kind
  - { name: good_before, aggregate: mean, of: label, by: [kind], window: 10s }
train:
  task: binary
  minimum_rows: 200
  window: 60s
  candidates:
    - { trainer: boosting, parameters: { max_leaves: 7, learning_rate: 0.2, iterations: 20 } }
    - { trainer: logistic }
evaluate:
  metrics: [roc_auc]
  champion: { confidence: 0.6, tolerance: 0.2, rounds: 100 }
monitor:
  window: 5s
  performance: { windows: 2, minimum_labels: 40 }
retrain:
  performance: { drop: 0.05, enter: 1, of: 1 }
  drift: null
  schedule: { every: 20s }
  cooldown: 10s
  minimum_labels: 60
  budget: { turns: 10000, per: 365d }
  back_off: 1
`;

export interface LiveRow {
  readonly row: Readonly<Record<string, string | number>>;
  readonly label: { readonly event_id: string; readonly value: boolean };
}

/** A row of this moment and the label that will become known. */
export function rowAt(wallMs: number, sinceStartMs: number, index: number, chance: Chance): LiveRow {
  const [x, y, noise] = [chance.next(), chance.next(), chance.next()];
  const id = `row-${index}`;
  const kind = ['red', 'green', 'blue'][Math.floor(chance.next() * 3)] ?? 'red';
  const score = Math.floor(sinceStartMs / ageMs) % 2 === 0 ? x - y : y - x;
  const broken = index % brokenEvery === brokenEvery - 1;
  return {
    row: { id, at: new Date(wallMs).toISOString(), x: broken ? 7 : x, y, kind },
    label: { event_id: id, value: score + (noise - 0.5) * 0.3 > 0 },
  };
}

/** Gives the pipeline to the platform at the address. */
export async function applyPipeline(url: string): Promise<void> {
  const applied = await fetch(`${url}/api/v1/pipelines`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'chaos.yaml', file: pipelineFile }),
  });
  if (!applied.ok) throw new Error(`the pipeline was not applied: ${applied.status} ${await applied.text()}`);
}
