import { type Cell, clockStream, labelStream, type PipelineSpec, rowStream } from '@relearn/contracts';

/** A record as it goes to `data.raw`. */
export interface RawRecord {
  readonly stream: string;
  readonly id: string;
  /** Event time, ms; of a label the time at which it became known. */
  readonly time: number;
  /** When it became known, ms: its place in the order of recorded data. */
  readonly knownAt: number;
  readonly values: Readonly<Record<string, Cell>>;
}

/** Columns of a label record. */
export const labelColumns = { event: 'event_id', value: 'value' } as const;

/** The streams whose records have columns of the pipeline's file. */
export function dataStreams(spec: PipelineSpec): string[] {
  return [rowStream, ...Object.keys(spec.source.context)];
}

/** Columns of rows that are known only with the label. */
export function labelOnlyColumns(spec: PipelineSpec): ReadonlySet<string> {
  const marked = Object.entries(spec.schema.columns)
    .filter(([, column]) => column.known_at === 'label')
    .map(([name]) => name);
  const { column, known_at: knownAt } = spec.label;
  return new Set([...marked, ...(column === undefined ? [] : [column]), ...(knownAt === undefined ? [] : [knownAt])]);
}

/** The label record of a row. A label that says something else, or at another time, is another record. */
export function labelRecord(
  spec: PipelineSpec,
  label: { eventId: string; value: Cell; knownAt: number; id?: string; shardValue?: Cell | undefined },
): RawRecord {
  const { eventId, value, knownAt, id = `${eventId}@${knownAt}=${String(value)}`, shardValue = null } = label;
  const { shard_by: shardBy } = spec.source;
  const values: Record<string, Cell> = { [labelColumns.event]: eventId, [labelColumns.value]: value };
  if (shardBy !== undefined) values[shardBy] = shardValue;
  return { stream: labelStream, id, time: knownAt, knownAt, values };
}

/** A record that says how far time has come, for shards in which nothing else does. */
export function clockRecord(now: number): RawRecord {
  return { stream: clockStream, id: `${clockStream}@${now}`, time: now, knownAt: now, values: {} };
}
