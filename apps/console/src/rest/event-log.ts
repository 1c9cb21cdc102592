import type { Bus, StoredRecord } from '@relearn/bus';
import { decodeAttributes, decodeEvent, type LoggedEvent, type Topic } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { rowAddressesOf, Sequences } from '@relearn/runtime';

/** An event of the log as the door shows it. */
export type ShownEvent = LoggedEvent & { readonly appendedAt: number };

export interface EventQuery {
  readonly topic: Topic;
  readonly pipeline?: string | undefined;
  /** `partition:position,...` as an earlier answer's `next`; absent: the newest `limit` events. */
  readonly from?: string | undefined;
  readonly limit: number;
}

export interface EventPage {
  readonly events: readonly ShownEvent[];
  /** `from` of the next page: what comes after these. */
  readonly next: string;
}

const limits = { maxRecords: 500, maxBytes: 4 * 1024 * 1024 };
/** Topics whose events are rows: shown without their data, since one event holds up to half a megabyte. */
const topicsOfRows: ReadonlySet<Topic> = new Set(['data.raw', 'data.valid', 'features', 'predictions']);

/**
 * Events of a topic in the order of the log, copies left out by the sequence rule; partitions are merged by the time at
 * which the bus took each. Reads the topic from its first kept position, since a copy is known only by what came before.
 */
export async function readEvents(bus: Bus, query: EventQuery): Promise<EventPage> {
  const { topic, limit } = query;
  const bounds = await bus.bounds(topic);
  const from = query.from === undefined ? null : cursorOf(query.from, bounds.length);
  const found: ShownEvent[] = [];
  const pages = bounds.map(({ first, end }, partition) =>
    partitionEvents(bus, { ...query, partition, first, end }, from?.[partition] ?? null),
  );
  for (const events of await Promise.all(pages)) found.push(...events);
  found.sort((a, b) => a.appendedAt - b.appendedAt || a.partition - b.partition || a.position - b.position);
  const events = from === null ? found.slice(-limit) : found.slice(0, limit);
  const left = from === null ? [] : found.slice(limit);
  const next = bounds.map(({ end }, partition) => left.find((event) => event.partition === partition)?.position ?? end);
  return { events, next: next.map((position, partition) => `${partition}:${position}`).join(',') };
}

interface PartitionQuery extends EventQuery {
  readonly partition: number;
  readonly first: number;
  readonly end: number;
}

/** With `from` the first `limit` events at or above it, else the last `limit`. */
async function partitionEvents(bus: Bus, query: PartitionQuery, from: number | null): Promise<ShownEvent[]> {
  const { topic, partition, end, limit } = query;
  const sequences = new Sequences();
  const kept: ShownEvent[] = [];
  let position = query.first;
  while (position < end && (from === null || kept.length <= limit)) {
    const records = await bus.read(topic, partition, position, limits);
    const last = records.at(-1);
    if (last === undefined) break;
    position = last.position + 1;
    for (const record of records) {
      const event = firstCopy(record, topic, sequences);
      if (event === null || record.position < (from ?? 0)) continue;
      if (query.pipeline !== undefined && event.pipeline !== query.pipeline) continue;
      kept.push({ ...event, topic, partition, position: record.position, appendedAt: record.appendedAt });
    }
    if (from === null && kept.length > limit) kept.splice(0, kept.length - limit);
  }
  return kept;
}

/** The event unless it was there before; of rows, how many there are and how many of them are new. */
function firstCopy(
  record: StoredRecord,
  topic: Topic,
  sequences: Sequences,
): Omit<LoggedEvent, 'topic' | 'partition' | 'position'> | null {
  const attributes = decodeAttributes(record.headers);
  if (sequences.judge(attributes).kind === 'skip') return null;
  const rows = topicsOfRows.has(topic);
  const event = decodeEvent(record);
  const verdict = sequences.judge(attributes, rows ? rowAddressesOf(event) : undefined);
  sequences.advance(attributes);
  if (!rows) return event;
  return { ...attributes, data: { bytes: record.value.byteLength, ...newRows(event.data, verdict) } };
}

function newRows(data: unknown, verdict: ReturnType<Sequences['judge']>): { rows?: number } {
  const ids =
    data !== null && typeof data === 'object' && ('ids' in data ? data.ids : 'order' in data ? data.order : undefined);
  if (!Array.isArray(ids)) return {};
  return { rows: ids.length - (verdict.kind === 'apply' ? verdict.fromRow : 0) };
}

function cursorOf(text: string, partitions: number): readonly (number | null)[] {
  const positions = new Array<number | null>(partitions).fill(null);
  for (const part of text.split(',')) {
    const match = /^(\d+):(\d+)$/.exec(part);
    const partition = Number(match?.[1]);
    if (match === null || partition >= partitions) {
      throw new RelearnError('INVALID_INPUT', `from: '${part}' is no place in the log`, {
        remedy: "Give an earlier answer's `next`, such as 0:17,1:4.",
      });
    }
    positions[partition] = Number(match[2]);
  }
  return positions.map((position) => position ?? 0);
}
