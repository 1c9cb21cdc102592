import {
  BatchBuilder,
  type Cell,
  clockStream,
  type ColumnSpec,
  type FeatureSpec,
  labelStream,
  type LabelSpec,
  type PipelineSpec,
  type RecordBatch,
  rowStream,
  type Task,
} from '@relearn/contracts';
import type { FeatureEngine, FeatureRows } from '../src/index.js';

const column = (type: ColumnSpec['type'], more: Partial<ColumnSpec> = {}): ColumnSpec => ({
  type,
  nullable: true,
  ...more,
});

export interface Given {
  features: FeatureSpec[];
  columns?: Record<string, ColumnSpec>;
  label?: Partial<LabelSpec>;
  task?: Task;
  lateness?: number;
  shardBy?: string;
}

/** A pipeline over shops: rows with time, shop, till, amount and paid; a label `fraud`; context `prices` by shop. */
export function pipelineOf(given: Given): PipelineSpec {
  const { features, columns = {}, label = {}, task = 'binary', lateness = 0, shardBy } = given;
  return {
    name: 'shops',
    description: '',
    entity: ['id'],
    source: {
      rows: { files: [], time: 'time', id: ['id'] },
      context: { prices: { files: [], time: 'seen', id: ['shop'], known_after: 0 } },
      lateness,
      ...(shardBy === undefined ? {} : { shard_by: shardBy }),
      max_record_bytes: 4096,
    },
    schema: {
      columns: {
        time: column('timestamp'),
        due: column('timestamp'),
        shop: column('category'),
        till: column('integer'),
        amount: column('number'),
        paid: column('boolean'),
        note: column('string'),
        fraud: column('boolean', { known_at: 'label' }),
        found_at: column('timestamp', { known_at: 'label' }),
        ...columns,
      },
      context: { prices: { seen: column('timestamp'), shop: column('category'), price: column('number') } },
      window: { every: 1000, null_share: {}, quarantine_share: 1 },
    },
    label: { column: 'fraud', known_at: 'found_at', delay: 0, max_delay: 1000, classes: [], ...label },
    features,
    train: {
      task,
      window: null,
      hold_out: 0.1,
      validation: 0.1,
      minimum_rows: 10,
      seed: 1,
      deadline: 1000,
      candidates: [{ name: 'base', trainer: 'baseline', parameters: {} }],
    },
    evaluate: {
      metrics: [{ name: 'roc_auc' }],
      champion: { test: 'bootstrap', confidence: 0.95, tolerance: 0, rounds: 100 },
    },
    rollout: { strategy: 'direct' },
    monitor: {
      window: 1000,
      drift: { number: 'psi:evidently', category: 'psi:evidently', share: 0.5 },
      performance: { windows: 1, minimum_labels: 1 },
    },
    retrain: {
      performance: null,
      drift: null,
      volume: null,
      schedule: null,
      cooldown: 0,
      minimum_labels: 0,
      budget: { turns: 1, per: 1000 },
      back_off: 1,
    },
  };
}

export interface TestRecord {
  readonly stream: string;
  readonly id: string;
  readonly time: number;
  readonly values: Record<string, Cell>;
}

export const row = (id: string, time: number, values: Record<string, Cell> = {}): TestRecord => ({
  stream: rowStream,
  id,
  time,
  values,
});
export const label = (event: string, time: number, value: Cell): TestRecord => ({
  stream: labelStream,
  id: `label-${event}-${time}`,
  time,
  values: { event_id: event, value },
});
export const price = (shop: string | null, time: number, value: Cell): TestRecord => ({
  stream: 'prices',
  id: `price-${shop}-${time}`,
  time,
  values: { shop, price: value },
});
export const clock = (time: number): TestRecord => ({ stream: clockStream, id: `clock-${time}`, time, values: {} });

export function batchOf(records: readonly TestRecord[]): RecordBatch {
  const builder = new BatchBuilder();
  for (const { stream, id, time, values } of records) builder.add(stream, id, time, values);
  return builder.build();
}

/** Applies the records as one batch whose addresses begin at `first`. */
export function applyAll(engine: FeatureEngine, records: readonly TestRecord[], first = 0): FeatureRows {
  return engine.apply(
    batchOf(records),
    records.map((_, index) => first + index),
  );
}
