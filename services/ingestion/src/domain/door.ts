import { type Cell, type PipelineSpec, rowStream } from '@relearn/contracts';
import { labelValue } from '@relearn/features';
import { parseTimestamp } from '@relearn/kernel';
import { idOfCloudEvent, idOfColumns, idOfContent } from './ids.js';
import { labelOnlyColumns, labelRecord, type RawRecord } from './raw-record.js';

/** A record as a producer gives it; nothing about it has been checked. */
export interface GivenRecord {
  /** Of a CloudEvent together with its source. */
  readonly id?: string | undefined;
  readonly source?: string | undefined;
  /** Event time of a CloudEvent, for records without the time column. */
  readonly time?: string | undefined;
  readonly values: unknown;
  /** Why it cannot be read as a record at all. */
  readonly broken?: string | undefined;
}

export const rejectionCodes = [
  'INVALID_RECORD',
  'INVALID_COLUMN',
  'NOT_SCALAR',
  'MISSING_COLUMN',
  'INVALID_TIME',
  'INVALID_ID',
  'TOO_LARGE',
] as const;
export type RejectionCode = (typeof rejectionCodes)[number];

export interface Rejection {
  readonly index: number;
  readonly code: RejectionCode;
  readonly column: string;
  readonly message: string;
}

export interface Accepted {
  readonly id: string;
  /** The record itself and, of a row that holds its label, the label. */
  readonly records: readonly RawRecord[];
  /** JSON bytes. */
  readonly bytes: number;
}

/**
 * How far ahead of the clock the times of live data may lie, ms. One time in the far future would move the watermark
 * there, and every record after it would be late. Replayed data has no bound: its times are its clock.
 */
export const farthestAhead = 86_400_000;

/** What a record's check takes beside the record. */
export interface Circumstances {
  readonly index: number;
  readonly idempotencyKey: string | undefined;
  /** The pipeline's business time, ms. */
  readonly now: number;
  /** No time may be later, ms: see `farthestAhead`. */
  readonly latest: number;
  readonly newId: () => string;
}

/** What the door asks of one stream's records: their form only, for whether they are right is validation's to say. */
export interface DoorRules {
  readonly spec: PipelineSpec;
  readonly stream: string;
  readonly timeColumn: string;
  readonly idColumns: readonly string[];
  readonly labelOnly: ReadonlySet<string>;
  readonly labelOf: ((values: Record<string, Cell>) => Cell) | undefined;
}

/** The rules of a stream; undefined when the pipeline has none of that name. */
export function doorRules(spec: PipelineSpec, stream: string): DoorRules | undefined {
  const isRows = stream === rowStream;
  const source = isRows ? spec.source.rows : ownOf(spec.source.context, stream);
  if (source === undefined) return undefined;
  return {
    spec,
    stream,
    timeColumn: source.time,
    idColumns: source.id,
    labelOnly: isRows ? labelOnlyColumns(spec) : new Set(),
    labelOf: isRows ? labelValue(spec) : undefined,
  };
}

/** Checks the form of one record and gives it its id. */
export function checkRecord(rules: DoorRules, given: GivenRecord, at: Circumstances): Accepted | Rejection {
  const reject = (code: RejectionCode, column: string, message: string) => ({ index: at.index, code, column, message });
  if (given.broken !== undefined) return reject('INVALID_RECORD', '', given.broken);
  const values = scalarsOf(given.values, reject);
  if ('code' in values) return values;
  const { cells } = values;
  const { spec, stream, timeColumn, labelOnly } = rules;
  if ((cells[timeColumn] ?? null) === null && given.time !== undefined) cells[timeColumn] = given.time;
  const bytes = Buffer.byteLength(JSON.stringify(cells)) + (given.id?.length ?? 0) + (given.source?.length ?? 0);
  const most = spec.source.max_record_bytes;
  if (bytes > most) return reject('TOO_LARGE', '', `the record has ${bytes} bytes, ${most} are accepted`);
  const time = timeOf(cells[timeColumn], timeColumn, at.latest, reject);
  if (typeof time !== 'number') return time;
  const { shard_by: shardBy } = spec.source;
  if (shardBy !== undefined && stream === rowStream && (cells[shardBy] ?? null) === null) {
    return reject('MISSING_COLUMN', shardBy, 'the column that shards the pipeline is missing');
  }
  const id = idOf(rules, given, cells, at);
  if (id === null) return reject('INVALID_ID', '', 'an id is a text of 1 to 512 characters, a source holds no blank');
  const label = labelOf(rules, cells, id, time, at, reject);
  if (label !== null && 'code' in label) return label;
  const known = Object.fromEntries(Object.entries(cells).filter(([name]) => !labelOnly.has(name)));
  const record: RawRecord = { stream, id, time, knownAt: at.now, values: known };
  return { id, records: label === null ? [record] : [record, label], bytes };
}

type Reject = (code: RejectionCode, column: string, message: string) => Rejection;

/** The record's columns when all of them hold JSON scalars. */
export function scalarsOf(values: unknown, reject: Reject): { readonly cells: Record<string, Cell> } | Rejection {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    return reject('INVALID_RECORD', '', 'a record is a JSON object of columns');
  }
  const entries: [string, Cell][] = [];
  for (const [name, value] of Object.entries(values)) {
    // Names that every object has would be taken for something else.
    if (name === '' || name.length > 128 || name in Object.prototype) {
      return reject('INVALID_COLUMN', name.slice(0, 128), 'this cannot be the name of a column');
    }
    if (!isCell(value)) {
      return reject('NOT_SCALAR', name, 'a value is a text, a finite number, true, false or null');
    }
    entries.push([name, value]);
  }
  return { cells: Object.fromEntries(entries) };
}

function isCell(value: unknown): value is Cell {
  if (typeof value === 'number') return Number.isFinite(value);
  return value === null || typeof value === 'string' || typeof value === 'boolean';
}

/** Milliseconds of a cell that must hold a time, `latest` at most. */
export function timeOf(cell: Cell | undefined, column: string, latest: number, reject: Reject): number | Rejection {
  if (cell === null || cell === undefined) return reject('MISSING_COLUMN', column, 'the time is missing');
  const time = typeof cell === 'string' ? parseTimestamp(cell) : null;
  const shown = JSON.stringify(cell).slice(0, 80);
  if (time === null) return reject('INVALID_TIME', column, `${shown} is no ISO 8601 time`);
  if (time > latest) return reject('INVALID_TIME', column, `${shown} lies more than a day ahead of the clock`);
  return time;
}

/** In this order: what a CloudEvent says, the id columns, the Idempotency-Key, and at last a new one. */
function idOf(
  { stream, idColumns }: DoorRules,
  given: GivenRecord,
  cells: Readonly<Record<string, Cell>>,
  { index, idempotencyKey, newId }: Circumstances,
): string | null {
  const { id, source } = given;
  if (id !== undefined && !isName(id)) return null;
  if (source !== undefined && (!isName(source) || /\s/.test(source))) return null;
  if (id !== undefined) return source === undefined ? id : idOfCloudEvent(source, id);
  const ofColumns = idOfColumns(idColumns, (column) => cells[column] ?? null);
  if (ofColumns !== undefined) return ofColumns;
  if (idempotencyKey !== undefined) return `${idempotencyKey}#${index}`;
  return stream === rowStream ? newId() : idOfContent(cells);
}

export function isName(text: string): boolean {
  return text.length >= 1 && text.length <= 512;
}

/** The label that a row holds: known when its column says so, else, with a delay, as of now. */
function labelOf(
  { spec, labelOf }: DoorRules,
  cells: Record<string, Cell>,
  eventId: string,
  rowTime: number,
  { now, latest }: Circumstances,
  reject: Reject,
): RawRecord | Rejection | null {
  const value = labelOf?.(cells) ?? null;
  if (value === null) return null;
  const { shard_by: shardBy } = spec.source;
  const shardValue = shardBy === undefined ? undefined : cells[shardBy];
  const { known_at: column } = spec.label;
  if (column === undefined) {
    const id = `${eventId}=${String(value)}`;
    return labelRecord(spec, { eventId, value, knownAt: Math.max(now, rowTime), id, shardValue });
  }
  if ((cells[column] ?? null) === null) return null;
  const known = timeOf(cells[column], column, latest, reject);
  if (typeof known !== 'number') return known;
  return labelRecord(spec, { eventId, value, knownAt: Math.max(known, rowTime), shardValue });
}

function ownOf<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
