import type { Bus } from '@relearn/bus';
import {
  decodeEvent,
  featuresComputed,
  type LoggedEvent,
  predictionLogged,
  recordsOf,
  type RecordRef,
  type Topic,
} from '@relearn/contracts';
import { rowAddressesOf, Sequences } from '@relearn/runtime';

const limits = { maxRecords: 500, maxBytes: 8 * 1024 * 1024 };

/** An event as a reader takes it: rows below `fromRow` came before. */
export interface Taken {
  readonly event: LoggedEvent;
  readonly fromRow: number;
}

/** A topic's events through the sequence rule, partition after partition, each in its order. */
export async function taken(bus: Bus, topic: Topic): Promise<Taken[]> {
  const all: Taken[] = [];
  for (const [partition, { first, end }] of (await bus.bounds(topic)).entries()) {
    const sequences = new Sequences();
    for (let position = first; position < end; ) {
      const records = await bus.read(topic, partition, position, limits);
      if (records.length === 0) break;
      for (const record of records) {
        position = record.position + 1;
        const event = { ...decodeEvent(record), topic, partition, position: record.position };
        const verdict = topic === 'data.raw' ? whole : sequences.judge(event, rowAddressesOf(event));
        if (verdict.kind === 'gap') throw new Error(`${event.id}: a gap before it`);
        if (verdict.kind === 'skip') continue;
        sequences.advance(event);
        all.push({ event, fromRow: verdict.fromRow });
      }
    }
  }
  return all;
}

const whole = { kind: 'apply', fromRow: 0 } as const;

/** The events alone. */
export async function eventsOf(bus: Bus, topic: Topic): Promise<LoggedEvent[]> {
  return (await taken(bus, topic)).map(({ event }) => event);
}

export interface LoggedRecord extends RecordRef {
  readonly pipeline: string;
  readonly partition: number;
}

interface BatchData {
  readonly order: number[];
  readonly sections: RecordRef['section'][];
}

/** The records of a data topic, each once. */
export async function recordsIn(bus: Bus, topic: 'data.raw' | 'data.valid'): Promise<LoggedRecord[]> {
  return (await taken(bus, topic)).flatMap(({ event, fromRow }) =>
    [...recordsOf(event.data as BatchData)]
      .filter(({ index }) => index >= fromRow)
      .map((record) => ({ ...record, pipeline: event.pipeline, partition: event.partition })),
  );
}

/** The rows of features, or of predictions, each event's by the sequence rule. A prediction without an id is left out. */
export async function rowIdsIn(
  bus: Bus,
  topic: 'features' | 'predictions',
): Promise<{ readonly id: string; readonly pipeline: string }[]> {
  const type = topic === 'features' ? featuresComputed : predictionLogged;
  return (await taken(bus, topic)).flatMap(({ event, fromRow }) => {
    const ids: readonly (string | null)[] = type.read(event).data.ids;
    return ids.slice(fromRow).flatMap((id) => (id === null ? [] : { id, pipeline: event.pipeline }));
  });
}
