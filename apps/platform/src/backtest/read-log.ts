import { decodeEvent, type LoggedEvent, type Topic } from '@relearn/contracts';
import { type Ports, rowAddressesOf, Sequences } from '@relearn/runtime';

const limits = { maxRecords: 200, maxBytes: 8 * 1024 * 1024 };

/** A topic's events through the sequence rule, partition by partition, each with the first row that counts. */
export async function* eventsOf(ports: Ports, topic: Topic): AsyncGenerator<{ event: LoggedEvent; fromRow: number }> {
  const bounds = await ports.bus.bounds(topic);
  for (const [partition, { first, end }] of bounds.entries()) {
    const sequences = new Sequences();
    let position = first;
    while (position < end) {
      const records = await ports.bus.read(topic, partition, position, limits);
      if (records.length === 0) break;
      for (const record of records) {
        position = record.position + 1;
        const event = { ...decodeEvent(record), topic, partition, position: record.position };
        const verdict =
          topic === 'data.raw' ? { kind: 'apply' as const, fromRow: 0 } : sequences.judge(event, rowAddressesOf(event));
        if (verdict.kind === 'skip') continue;
        sequences.advance(event);
        yield { event, fromRow: verdict.kind === 'apply' ? verdict.fromRow : 0 };
      }
      await ports.kernel.clock.breathe();
    }
  }
}
