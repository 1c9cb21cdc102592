import type { Cell, FeatureSpec, PipelineSpec } from '@relearn/contracts';
import { bindExpression } from '../expression/compile.js';
import { labelKind } from '../label.js';
import type { WindowNeeds } from '../state/window-cursor.js';
import type { SeriesPlan } from '../state/window-series.js';
import { categoryOf, isNumeric, numberOf } from '../values.js';
import { aggregateReader } from './aggregates.js';
import type { ReadColumn } from './cell-reader.js';
import type { FeatureReader, Frame } from './frame.js';

type AggregateFeature = Extract<FeatureSpec, { aggregate: unknown }>;
type JoinFeature = Extract<FeatureSpec, { join: unknown }>;
type LagFeature = Extract<FeatureSpec, { lag: unknown }>;

/** All that is kept by the same columns. */
export interface TablePlan {
  readonly slots: readonly number[];
  readonly series: SeriesPlan[];
  readonly lagSlots: number[];
  lagKeep: number;
}

/** Context records of a stream by the same columns. */
export interface JoinPlan {
  readonly stream: string;
  readonly rowSlots: readonly number[];
  readonly contextSlots: readonly number[];
  readonly valueSlots: number[];
  maxAge: number;
}

export interface FeaturePlan {
  readonly columns: readonly ReadColumn[];
  readonly contextColumns: ReadonlyMap<string, readonly ReadColumn[]>;
  readonly tables: readonly TablePlan[];
  readonly joins: readonly JoinPlan[];
  readonly readers: readonly FeatureReader[];
}

/** Lays out what the features of a checked pipeline share: columns, keys, series, windows, joins. */
export function planFeatures(spec: PipelineSpec): FeaturePlan {
  const planner = new Planner(spec);
  const readers = spec.features.map((feature) => planner.reader(feature));
  const { columns, contextColumns, tables, joins } = planner;
  return { columns, contextColumns, tables, joins, readers };
}

class Planner {
  readonly columns: ReadColumn[] = [];
  readonly contextColumns = new Map<string, ReadColumn[]>();
  readonly tables: TablePlan[] = [];
  readonly joins: JoinPlan[] = [];
  private readonly spec: PipelineSpec;
  private readonly tableByKey = new Map<string, number>();
  private readonly joinByKey = new Map<string, number>();

  constructor(spec: PipelineSpec) {
    this.spec = spec;
  }

  reader(feature: FeatureSpec): FeatureReader {
    const convert = feature.type === 'number' ? numberOf : categoryOf;
    if ('expression' in feature) {
      const evaluate = bindExpression<Frame>(feature.expression, (column) => {
        const slot = this.slot(column);
        return (frame) => frame.cells[slot] ?? null;
      });
      return (frame) => convert(evaluate(frame));
    }
    if ('aggregate' in feature) return this.aggregate(feature, convert);
    if ('lag' in feature) return this.lag(feature, convert);
    if ('join' in feature) return this.join(feature, convert);
    const slot = this.slot(feature.column);
    return (frame) => convert(frame.cells[slot]);
  }

  private slot(column: string): number {
    const found = this.columns.findIndex(({ name }) => name === column);
    if (found >= 0) return found;
    const isTime = this.spec.schema.columns[column]?.type === 'timestamp';
    const as = column === this.spec.source.rows.time ? 'event-time' : isTime ? 'timestamp' : 'cell';
    return this.columns.push({ name: column, as }) - 1;
  }

  private table(by: readonly string[]): number {
    const key = JSON.stringify(by);
    let index = this.tableByKey.get(key);
    if (index === undefined) {
      index = this.tables.length;
      this.tableByKey.set(key, index);
      this.tables.push({ slots: by.map((column) => this.slot(column)), series: [], lagSlots: [], lagKeep: 0 });
    }
    return index;
  }

  private aggregate(feature: AggregateFeature, convert: (cell: Cell) => Cell): FeatureReader {
    const tableIndex = this.table(feature.by);
    const series = this.tables[tableIndex]?.series ?? [];
    const wanted = this.seriesOf(feature);
    let index = series.findIndex(
      (plan) => plan.slot === wanted.slot && plan.source === wanted.source && plan.storage === wanted.storage,
    );
    if (index < 0) index = series.push({ ...wanted, windows: [], longest: 0 }) - 1;
    const plan = series[index] ?? wanted;
    const windows = [...plan.windows];
    let place = windows.findIndex(({ window }) => window === feature.window);
    if (place < 0) place = windows.push(needs(feature.window)) - 1;
    windows[place] = needs(feature.window, feature.aggregate, windows[place]);
    series[index] = { ...plan, windows, longest: Math.max(plan.longest, feature.window) };
    return aggregateReader(feature.aggregate, { table: tableIndex, series: index, cursor: place }, convert);
  }

  private seriesOf(feature: AggregateFeature): SeriesPlan {
    const shared = { windows: [], longest: 0 };
    if (feature.of === undefined) return { slot: undefined, source: 'rows', storage: 'presence', ...shared };
    const fromLabels = feature.of === 'label';
    const type = this.spec.schema.columns[feature.of]?.type;
    const numeric = fromLabels ? labelKind(this.spec) === 'number' : type !== undefined && isNumeric(type);
    const adds = ['sum', 'mean', 'min', 'max', 'std'].includes(feature.aggregate);
    const wantsText = feature.aggregate === 'last' && feature.type === 'category';
    const wantsNumber = adds || (feature.aggregate === 'last' && feature.type === 'number');
    const storage = wantsNumber || (numeric && !wantsText) ? 'number' : 'text';
    if (fromLabels) return { slot: undefined, source: 'labels', storage, ...shared };
    return { slot: this.slot(feature.of), source: 'rows', storage, ...shared };
  }

  private lag(feature: LagFeature, convert: (cell: Cell | undefined) => Cell): FeatureReader {
    const tableIndex = this.table(feature.by);
    const table = this.tables[tableIndex];
    const place = placeOf(table?.lagSlots ?? [], this.slot(feature.of));
    if (table !== undefined) table.lagKeep = Math.max(table.lagKeep, feature.lag);
    const back = feature.lag;
    return (frame) => {
      const held = frame.states[tableIndex]?.lags;
      if (held === undefined) return null;
      const index = held.find(frame.time, frame.watermark, back);
      return index < 0 ? null : convert(held.values[index]?.[place]);
    };
  }

  private join(feature: JoinFeature, convert: (cell: Cell | undefined) => Cell): FeatureReader {
    const pairs = Object.entries(feature.on).sort(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify([feature.join, pairs]);
    let joinIndex = this.joinByKey.get(key);
    if (joinIndex === undefined) {
      joinIndex = this.joins.length;
      this.joinByKey.set(key, joinIndex);
      this.joins.push({
        stream: feature.join,
        rowSlots: pairs.map(([row]) => this.slot(row)),
        contextSlots: pairs.map(([, context]) => this.contextSlot(feature.join, context)),
        valueSlots: [],
        maxAge: 0,
      });
    }
    const plan = this.joins[joinIndex];
    if (plan !== undefined) plan.maxAge = Math.max(plan.maxAge, feature.max_age);
    const place = placeOf(plan?.valueSlots ?? [], this.contextSlot(feature.join, feature.column));
    const { max_age: maxAge } = feature;
    const at = joinIndex;
    return (frame) => {
      const held = frame.contexts[at];
      if (held === undefined) return null;
      const index = held.find(frame.time, frame.watermark, 1);
      const time = held.times[index];
      // As for windows, age counts from the watermark for a late row: memory may have been cleared up to there.
      const latest = frame.time < frame.watermark ? frame.watermark : frame.time;
      return time === undefined || time < latest - maxAge ? null : convert(held.values[index]?.[place]);
    };
  }

  private contextSlot(stream: string, column: string): number {
    const columns = this.contextColumns.get(stream) ?? [];
    this.contextColumns.set(stream, columns);
    const found = columns.findIndex(({ name }) => name === column);
    if (found >= 0) return found;
    const isTime = this.spec.schema.context[stream]?.[column]?.type === 'timestamp';
    const as = column === this.spec.source.context[stream]?.time ? 'event-time' : isTime ? 'timestamp' : 'cell';
    return columns.push({ name: column, as }) - 1;
  }
}

/** Index of the value in the list, at whose end it is put when it is missing. */
function placeOf(list: number[], value: number): number {
  const found = list.indexOf(value);
  return found >= 0 ? found : list.push(value) - 1;
}

function needs(window: number, aggregate?: AggregateFeature['aggregate'], before?: WindowNeeds): WindowNeeds {
  return {
    window,
    sum: before?.sum === true || aggregate === 'sum' || aggregate === 'mean',
    squares: before?.squares === true || aggregate === 'std',
    greatest: before?.greatest === true || aggregate === 'max',
    least: before?.least === true || aggregate === 'min',
    distinct: before?.distinct === true || aggregate === 'distinct',
  };
}
