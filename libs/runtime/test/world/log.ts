import type { Bus, OutgoingRecord } from '@relearn/bus';
import { decodeEvent, encodeEvent, type Event, type Topic } from '@relearn/contracts';
import { rowAddressesOf, Sequences } from '@relearn/runtime';

const all = { maxRecords: 1_000_000, maxBytes: 1 << 30 };

export function recordOf(topic: Topic, event: Event): OutgoingRecord {
  return { topic, partition: 0, key: event.pipeline, ...encodeEvent(event) };
}

export async function publish(bus: Bus, topic: Topic, events: readonly Event[]): Promise<void> {
  await bus.publish(events.map((event) => recordOf(topic, event)));
}

/** A topic's events as any reader has them, each with the first row that counts. Throws at a gap. */
export async function readOnce(bus: Bus, topic: Topic): Promise<{ event: Event; fromRow: number }[]> {
  const sequences = new Sequences();
  const once: { event: Event; fromRow: number }[] = [];
  for (const record of await bus.read(topic, 0, 0, all)) {
    const event = decodeEvent(record);
    const verdict = sequences.judge(event, rowAddressesOf(event));
    if (verdict.kind === 'gap') throw new Error(`gap before ${event.id}`);
    if (verdict.kind === 'skip') continue;
    sequences.advance(event);
    once.push({ event, fromRow: verdict.fromRow });
  }
  return once;
}
