import { BatchBuilder, type DataOf, parsePipelineFile, type predictionLogged, rowAddress } from '@relearn/contracts';
import { canonicalJson } from '@relearn/kernel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ShardState } from '../src/domain/shard-state.js';

const hour = 3_600_000;
const start = Date.UTC(2024, 0, 1);
const hours = 80;

const file = `name: orders
source: { rows: { time: at, id: [id] } }
schema: { columns: { id: string, at: timestamp, size: number, bought: { type: integer, known_at: label } } }
label: { column: bought, delay: 1h, max_delay: 4h }
features: [size]
train: { task: binary, candidates: [{ trainer: logistic }] }
monitor: { window: 1d }
`;
const { spec } = parsePipelineFile(file, 'orders.yaml', {
  trainers: { logistic: { tasks: ['binary'], parameters: {} } },
  metrics: { roc_auc: { tasks: ['binary'] } },
  driftMethods: { number: ['psi:binned'], category: ['psi:binned'] },
});

/** One row comes when its window has passed. */
const timeOf = (row: number) => start + (row === 30 ? 10 : row) * hour;

type Step = (shard: ShardState) => void;

/** A row an hour, and its label three hours later, an event each; read from the topic of valid records. */
const records: Step[] = Array.from({ length: hours }, (_, at) => (shard) => {
  const batch = new BatchBuilder();
  const time = start + at * hour;
  if (at >= 3) batch.add('labels', `l${at - 3}`, time, { event_id: `r${at - 3}`, value: at % 2 });
  batch.add('rows', `r${at}`, timeOf(at), { size: at });
  const addresses = [rowAddress(at, 0), rowAddress(at, 1)];
  shard.takeRecords(batch.build(), addresses, 0, () => null);
});

/** What two arms said of each row, an event each; read from the topic of predictions. */
const predictions: Step[] = Array.from({ length: hours }, (_, at) => (shard) => {
  const time = start + at * hour;
  const said = (arm: 'champion' | 'frozen') => ({ arm, model: 1, outputs: { probability: [at / hours] } });
  const data: DataOf<typeof predictionLogged> = {
    kind: 'stream',
    ids: [`r${at}`],
    times: [timeOf(at)],
    at: [rowAddress(at, 0)],
    inputs: { size: [at] },
    arms: [said('champion'), said('frozen')],
    watermark: time,
  };
  shard.takePredictions(data, 0, () => null);
});

/** The windows that are told when the two topics are read in this order: true is one more event of records. */
function windowsOf(order: readonly boolean[]): string[] {
  const shard = new ShardState(spec, undefined, () => null);
  const [left, right] = [[...records], [...predictions]];
  const windows: string[] = [];
  for (const record of [...order, ...order.map((one) => !one)]) {
    (record ? left : right).shift()?.(shard);
    windows.push(...shard.close(0).map((window) => canonicalJson(window)));
  }
  return windows.sort();
}

test('a window is the same bytes however the reading of the two topics is interleaved', () => {
  const half = Array.from({ length: hours }, () => true);
  const recordsFirst = windowsOf(half);
  expect(recordsFirst.length).toBeGreaterThan(4);
  const orders = fc.array(fc.boolean(), { minLength: 2 * hours, maxLength: 2 * hours });
  const same = fc.property(orders, (order) => {
    expect(windowsOf(order)).toEqual(recordsFirst);
  });
  fc.assert(same, { numRuns: 50 });
  expect(windowsOf(half.map(() => false))).toEqual(recordsFirst);
});
