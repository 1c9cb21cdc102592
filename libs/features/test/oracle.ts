import { type Cell, type FeatureSpec, labelStream, type PipelineSpec, rowStream } from '@relearn/contracts';
import { exactDeviation, exactSum } from './exact.js';
import type { TestRecord } from './pipeline.js';

/** What rows and labels must get, computed for each record from all that came before it, with no state at all. */
export interface Expected {
  rows: Record<string, Cell>[];
  late: boolean[];
  lateRows: number;
}

interface Entry {
  readonly time: number;
  readonly value: Cell;
}

export function expectedOf(spec: PipelineSpec, records: readonly TestRecord[]): Expected {
  const expected: Expected = { rows: [], late: [], lateRows: 0 };
  const used: number[] = [];
  records.forEach((record, index) => {
    used.push(record.stream === labelStream ? rowOf(spec, records, used, index) : -1);
  });
  records.forEach((record, index) => {
    const watermark = watermarkAt(spec, records, index);
    if (record.stream === labelStream) expected.late.push(used[index] === -1);
    if (record.stream !== rowStream) return;
    if (record.time < watermark) expected.lateRows += 1;
    const values = spec.features.map((feature) => [
      feature.name,
      featureOf(feature, { records, used, index, row: record, watermark }),
    ]);
    expected.rows.push(Object.fromEntries(values));
  });
  return expected;
}

function watermarkAt(spec: PipelineSpec, records: readonly TestRecord[], index: number): number {
  return Math.max(...records.slice(0, index + 1).map(({ time }) => time)) - spec.source.lateness;
}

/** Index of the row that a label is for: the last one with that id, if no label has taken it and it is not too long ago. */
function rowOf(spec: PipelineSpec, records: readonly TestRecord[], used: readonly number[], index: number): number {
  const label = records[index];
  const id = label?.values.event_id;
  const found = records.findLastIndex((record, at) => at < index && record.stream === rowStream && record.id === id);
  const taken = records.some((record, at) => at < index && used[at] === found && record.values.value !== null);
  const row = records[found];
  const now = Math.max(label?.time ?? 0, watermarkAt(spec, records, index));
  return row === undefined || taken || row.time + spec.label.max_delay < now ? -1 : found;
}

interface Place {
  readonly records: readonly TestRecord[];
  readonly used: readonly number[];
  readonly index: number;
  readonly row: TestRecord;
  readonly watermark: number;
}

function featureOf(feature: FeatureSpec, place: Place): Cell {
  if ('aggregate' in feature) return aggregateOf(feature, place);
  if ('lag' in feature) {
    const key = feature.by.map((column) => place.row.values[column] ?? null);
    const held = heldOf(before(place, rowStream, feature.by, key, feature.of), place);
    return key.includes(null) ? null : (held?.at(-feature.lag)?.value ?? null);
  }
  if ('join' in feature) {
    const pairs = Object.entries(feature.on);
    const key = pairs.map(([column]) => place.row.values[column] ?? null);
    const columns = pairs.map(([, column]) => column);
    const last = heldOf(before(place, feature.join, columns, key, feature.column), place)?.at(-1);
    const oldest = Math.max(place.row.time, place.watermark) - feature.max_age;
    return key.includes(null) || last === undefined || last.time < oldest ? null : last.value;
  }
  return 'column' in feature ? (place.row.values[feature.column] ?? null) : null;
}

/** Earlier records of a stream with this key, as they came. */
function before(place: Place, stream: string, by: readonly string[], key: readonly Cell[], of: string): Entry[] {
  return place.records
    .slice(0, place.index)
    .filter((record) => record.stream === stream && by.every((name, at) => (record.values[name] ?? null) === key[at]))
    .map((record) => ({ time: record.time, value: record.values[of] ?? null }));
}

/** Up to the row's time, in order of time; none when some lie between a late row and the watermark. */
function heldOf(entries: Entry[], place: Place): Entry[] | undefined {
  const { row, watermark } = place;
  if (entries.some(({ time }) => time > row.time && time <= watermark)) return undefined;
  return entries.filter(({ time }) => time <= row.time).sort((a, b) => a.time - b.time);
}

function aggregateOf(feature: Extract<FeatureSpec, { aggregate: unknown }>, place: Place): Cell {
  const { row, watermark } = place;
  const key = feature.by.map((column) => row.values[column] ?? null);
  if (key.includes(null)) return null;
  const entries =
    feature.of === 'label'
      ? labelsBefore(feature.by, key, place)
      : before(place, rowStream, feature.by, key, feature.of ?? '');
  const within = entries
    .filter(({ time }) => time >= Math.max(row.time, watermark) - feature.window && time <= row.time)
    .filter(({ value }) => feature.of === undefined || value !== null)
    .sort((a, b) => a.time - b.time);
  const values = within.map(({ value }) => value);
  const numbers = values.filter((value) => typeof value === 'number');
  switch (feature.aggregate) {
    case 'count':
      return values.length;
    case 'rate':
      return values.length / (feature.window / 1000);
    case 'sum':
      return exactSum(numbers);
    case 'mean':
      return numbers.length === 0 ? null : exactSum(numbers) / numbers.length;
    case 'std':
      return exactDeviation(numbers);
    case 'min':
      return numbers.length === 0 ? null : Math.min(...numbers);
    case 'max':
      return numbers.length === 0 ? null : Math.max(...numbers);
    case 'distinct':
      return new Set(values).size;
    case 'last':
      return values.at(-1) ?? null;
  }
}

function labelsBefore(by: readonly string[], key: readonly Cell[], place: Place): Entry[] {
  const { records, used, index } = place;
  return records.slice(0, index).flatMap((record, at) => {
    if (record.stream !== labelStream || record.values.value === null) return [];
    const row = records[used[at] ?? -1];
    const same = row !== undefined && by.every((name, part) => (row.values[name] ?? null) === key[part]);
    return same ? [{ time: record.time, value: record.values.value ?? null }] : [];
  });
}
