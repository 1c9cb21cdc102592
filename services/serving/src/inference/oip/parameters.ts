import { RelearnError } from '@relearn/kernel';
import { defaultPriority, lowestPriority } from '../request-queue.js';
import type { InferRequest, Parameters } from './request.js';

/** Parameters that say nothing about the computation: requests that differ in them alone share a run. */
const outsideTheModel = new Set([
  'event_ids',
  'sticky_key',
  'timeout',
  'priority',
  'binary_data_output',
  'headers',
  'sequence_id',
  'sequence_start',
  'sequence_end',
  'triton_enable_empty_final_response',
]);

/** Part of a batch's identity; empty for most requests. */
export function parameterKey(parameters: Parameters): string {
  const names = Object.keys(parameters);
  if (names.length === 0) return '';
  let key = '';
  for (const name of names.sort()) {
    if (outsideTheModel.has(name)) continue;
    const value = parameters[name];
    key += `${JSON.stringify(name)}:${typeof value === 'string' ? JSON.stringify(value) : `${typeof value} ${value}`};`;
  }
  return key;
}

/** The queue timeout that a request names, in milliseconds: parameter `timeout`, in microseconds. */
export function queueTimeoutOf(parameters: Parameters): number | undefined {
  const micros = parameters['timeout'];
  return typeof micros === 'number' && micros > 0 ? micros / 1_000 : undefined;
}

/** The priority that a request names, 1 to `lowestPriority`: parameter `priority`; any other is the default one. */
export function priorityOf(parameters: Parameters): number {
  const named = parameters['priority'];
  return typeof named === 'number' && named >= 1 && named <= lowestPriority ? Math.floor(named) : defaultPriority;
}

/**
 * The raw event's id of each row: parameter `event_ids` (a JSON array, a string or null a row), else for one row the
 * request's `id`; null where there is none. Throws INVALID_INPUT for an `event_ids` that does not fit the rows.
 */
export function eventIdsOf(request: Pick<InferRequest, 'id' | 'parameters'>, rows: number): readonly (string | null)[] {
  const listed = request.parameters['event_ids'];
  if (listed !== undefined) return listedIds(listed, rows);
  if (rows === 1) return [request.id === '' ? null : request.id];
  return new Array<null>(rows).fill(null);
}

function listedIds(listed: unknown, rows: number): readonly (string | null)[] {
  let ids: unknown;
  try {
    ids = typeof listed === 'string' ? JSON.parse(listed) : undefined;
  } catch (thrown) {
    throw new RelearnError('INVALID_INPUT', "parameter 'event_ids' is not JSON", { cause: thrown });
  }
  if (!Array.isArray(ids) || !ids.every((id): id is string | null => id === null || typeof id === 'string')) {
    throw new RelearnError('INVALID_INPUT', "parameter 'event_ids' is not a JSON array of strings");
  }
  if (ids.length !== rows) {
    throw new RelearnError('INVALID_INPUT', `parameter 'event_ids' names ${ids.length} ids for ${rows} rows`);
  }
  return ids.map((id) => (id === '' ? null : id));
}
