import type { PipelineSpec } from '@relearn/contracts';
import {
  type Accepted,
  type Circumstances,
  isName,
  type Rejection,
  type RejectionCode,
  scalarsOf,
  timeOf,
} from './door.js';
import { labelColumns, labelRecord } from './raw-record.js';

const knownAtColumn = 'known_at';

/**
 * Checks the form of one label: `{event_id, value, known_at?}` and the column that shards, where one is declared.
 * A label is the same as another when row, time and value are; without `known_at` the Idempotency-Key tells them apart,
 * or else row and value: to go back to an earlier value, say when it was known.
 */
export function checkLabel(spec: PipelineSpec, values: unknown, at: Circumstances): Accepted | Rejection {
  const reject = (code: RejectionCode, column: string, message: string) => ({ index: at.index, code, column, message });
  const scalars = scalarsOf(values, reject);
  if ('code' in scalars) return scalars;
  const { cells } = scalars;
  const { shard_by: shardBy } = spec.source;
  const allowed = [labelColumns.event, labelColumns.value, knownAtColumn, ...(shardBy === undefined ? [] : [shardBy])];
  for (const column of Object.keys(cells)) {
    if (!allowed.includes(column)) return reject('INVALID_COLUMN', column, `a label has ${allowed.join(', ')}`);
  }
  const eventId = String(cells[labelColumns.event] ?? '');
  if (!isName(eventId)) return reject('MISSING_COLUMN', labelColumns.event, 'the id of the labelled row is missing');
  const value = cells[labelColumns.value] ?? null;
  if (value === null) return reject('MISSING_COLUMN', labelColumns.value, 'the value is missing');
  const shardValue = shardBy === undefined ? undefined : (cells[shardBy] ?? null);
  if (shardValue === null) {
    return reject('MISSING_COLUMN', shardBy ?? '', 'the column that shards the pipeline is missing');
  }
  const bytes = Buffer.byteLength(JSON.stringify(cells));
  const most = spec.source.max_record_bytes;
  if (bytes > most) return reject('TOO_LARGE', '', `the label has ${bytes} bytes, ${most} are accepted`);
  const accepted = (knownAt: number, id?: string): Accepted => {
    const named = id === undefined ? {} : { id };
    const record = labelRecord(spec, { eventId, value, knownAt, shardValue, ...named });
    return { id: record.id, records: [record], bytes };
  };
  if ((cells[knownAtColumn] ?? null) === null) {
    const { idempotencyKey, index } = at;
    return accepted(
      at.now,
      idempotencyKey === undefined ? `${eventId}=${String(value)}` : `${idempotencyKey}#${index}`,
    );
  }
  const known = timeOf(cells[knownAtColumn], knownAtColumn, at.latest, reject);
  return typeof known === 'number' ? accepted(known) : known;
}
