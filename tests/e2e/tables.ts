import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const hour = 3_600_000;
export const day = 24 * hour;
export const firstDay = Date.UTC(2024, 0, 1);

type Row = Readonly<Record<string, string | number | boolean>>;

/** Numbers in [0, 1) that are the same in every run. */
export function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface OrdersOptions {
  readonly rows: number;
  readonly perDay: number;
  /** From this day on what made people buy keeps them from it. */
  readonly turnsOnDay?: number;
}

/** Orders: a binary label that follows from discount and region. */
export function orders({ rows, perDay, turnsOnDay = Number.POSITIVE_INFINITY }: OrdersOptions): Row[] {
  const next = numbers(7);
  return Array.from({ length: rows }, (_, index) => {
    const time = firstDay + Math.floor((index * day) / perDay);
    const discount = Math.round(next() * 1000) / 1000;
    const region = ['north', 'south', 'east', 'west'][Math.floor(next() * 4)] ?? 'north';
    const liking = 8 * (discount - 0.5) + (region === 'north' ? 1 : 0);
    const turned = time >= firstDay + turnsOnDay * day;
    const bought = next() < 1 / (1 + Math.exp(turned ? liking : -liking));
    return { order_id: `o${index}`, at: new Date(time).toISOString(), region, discount, bought: bought ? 1 : 0 };
  });
}

export interface PipelineOptions {
  readonly name?: string;
  readonly minimumRows?: number;
  /** How much worse than the champion still passes. */
  readonly tolerance?: number;
  /** How long after its row a label may come. */
  readonly maxDelay?: string;
  /** Further top-level blocks. */
  readonly more?: string;
}

/** A pipeline over `orders.csv`. */
export function ordersPipeline({
  name = 'orders',
  minimumRows = 450,
  tolerance = 0.02,
  maxDelay = '4h',
  more = '',
}: PipelineOptions = {}): string {
  return `name: ${name}
source:
  rows: { files: [orders.csv], time: at, id: [order_id] }
schema:
  columns:
    order_id: string
    at: timestamp
    region: { type: category, values: [north, south, east, west] }
    discount: { type: number, range: [0, 1] }
    bought: { type: integer, known_at: label }
label: { column: bought, delay: 1h, max_delay: ${maxDelay} }
features: [region, discount, { name: hour, expression: hour(at) }]
train:
  task: binary
  window: 4d
  minimum_rows: ${minimumRows}
  candidates:
    - { trainer: boosting, parameters: { iterations: 20, max_leaves: 7, learning_rate: 0.2 } }
    - { trainer: logistic }
evaluate:
  metrics: [roc_auc]
  champion: { confidence: 0.8, tolerance: ${tolerance}, rounds: 200 }
monitor:
  window: 1d
  performance: { windows: 2, minimum_labels: 100 }
${more}`;
}

/** Retrains on a fall of quality alone, once it has lasted three days. */
export const retrainOnQuality = `retrain:
  performance: { drop: 0.1, enter: 3, of: 3 }
  drift: null
  cooldown: 2d
  minimum_labels: 100
`;

/** Retrains never by itself. */
export const retrainByHand = `retrain: { performance: null, drift: null, cooldown: 1d }
`;

/** Trips in several cities: minutes that grow with the distance, at a pace of the city; known on arrival. */
export function trips({ rows, perDay }: { rows: number; perDay: number }): Row[] {
  const next = numbers(11);
  const pace: Readonly<Record<string, number>> = { oslo: 2, lima: 4, cairo: 5, kyoto: 3, quito: 6, tunis: 2.5 };
  const cities = Object.keys(pace);
  return Array.from({ length: rows }, (_, index) => {
    const time = firstDay + Math.floor((index * day) / perDay);
    const city = cities[Math.floor(next() * cities.length)] ?? 'oslo';
    const distance = Math.round(next() * 200) / 10;
    const minutes = Math.round((3 + distance * (pace[city] ?? 1) + 2 * next()) * 10) / 10;
    const arrived = new Date(time + minutes * 60_000).toISOString();
    return {
      trip: `t${index}`,
      started_at: new Date(time).toISOString(),
      city,
      distance,
      minutes,
      arrived_at: arrived,
    };
  });
}

/** A pipeline over `trips.csv`, sharded by the city. */
export function tripsPipeline(more = '', maxDelay = '4h'): string {
  return `name: trips
source:
  rows: { files: [trips.csv], time: started_at, id: [trip] }
  shard_by: city
schema:
  columns:
    trip: string
    started_at: timestamp
    city: category
    distance: { type: number, range: [0, 100] }
    minutes: { type: number, known_at: label }
    arrived_at: { type: timestamp, known_at: label }
label: { column: minutes, known_at: arrived_at, max_delay: ${maxDelay} }
features:
  - city
  - distance
  - { name: trips_6h, aggregate: count, by: [city], window: 6h }
  - { name: recent_minutes, aggregate: mean, of: label, by: [city], window: 12h }
train:
  task: regression
  minimum_rows: 450
  candidates:
    - { trainer: boosting, parameters: { iterations: 30, max_leaves: 15, learning_rate: 0.2 } }
evaluate:
  metrics: [rmse]
  champion: { confidence: 0.8, tolerance: 1, rounds: 200 }
monitor:
  window: 1d
  performance: { windows: 2, minimum_labels: 100 }
${more}`;
}

/** Writes a table and the pipeline over it; answers the pipeline file's path. */
export async function writePipeline(
  folder: string,
  name: string,
  rows: readonly Row[],
  pipeline: string,
): Promise<string> {
  const [first = {}] = rows;
  const columns = Object.keys(first);
  const lines = [columns.join(','), ...rows.map((row) => columns.map((column) => String(row[column])).join(','))];
  await writeFile(join(folder, `${name}.csv`), `${lines.join('\n')}\n`);
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, pipeline);
  return file;
}
