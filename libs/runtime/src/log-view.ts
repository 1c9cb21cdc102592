import type { StoredRecord } from '@relearn/bus';
import { decodeAttributes, decodeEvent, type Event, type EventType, type Topic } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import type { Ports } from './ports.js';
import { Sequences } from './sequences.js';

const limits = { maxRecords: 500, maxBytes: 4 * 1024 * 1024 };

export interface LogViewOptions {
  readonly topic: Topic;
  /** Events of other types are passed over. */
  readonly types: readonly EventType[];
  /** Folds an event, whose data is valid, into the view. */
  readonly apply: (event: Event) => void;
}

/**
 * What a service answers about the past: a view of a topic that reads on, when it is asked, from where it stopped.
 * Owns nothing and runs nothing between questions; each event is applied once, in the order of its partition.
 */
export class LogView {
  private readonly ports: Pick<Ports, 'bus' | 'kernel' | 'telemetry'>;
  private readonly topic: Topic;
  private readonly types: ReadonlyMap<string, EventType>;
  private readonly apply: (event: Event) => void;
  private readonly sequences = new Sequences();
  private readonly next = new Map<number, number>();
  private readonly reading = new Map<number, Promise<void>>();

  constructor(ports: Pick<Ports, 'bus' | 'kernel' | 'telemetry'>, { topic, types, apply }: LogViewOptions) {
    this.ports = ports;
    this.topic = topic;
    this.types = new Map(types.map((type) => [type.type, type]));
    this.apply = apply;
  }

  /** Resolves when all that the partitions hold now has been applied. Throws GAP where events are missing, and what the bus throws. */
  async current(partitions: Iterable<number>): Promise<void> {
    await Promise.all(
      [...new Set(partitions)].map((partition) => {
        const before = this.reading.get(partition) ?? Promise.resolve();
        // Whoever asked before has been told of a failure; this question tries again.
        const reading = before.catch(() => undefined).then(() => this.readOn(partition));
        this.reading.set(partition, reading);
        return reading;
      }),
    );
  }

  private async readOn(partition: number): Promise<void> {
    const { bus, kernel } = this.ports;
    const { first = 0, end = 0 } = (await bus.bounds(this.topic))[partition] ?? {};
    let next = Math.max(first, this.next.get(partition) ?? 0);
    while (next < end) {
      const records = await bus.read(this.topic, partition, next, limits);
      const last = records.at(-1);
      if (last === undefined) return;
      for (const record of records) {
        this.take(record);
        this.next.set(partition, record.position + 1);
      }
      next = last.position + 1;
      await kernel.clock.breathe();
    }
  }

  private take(record: StoredRecord): void {
    const attributes = decodeAttributes(record.headers);
    const { kind } = this.sequences.judge(attributes);
    if (kind === 'skip') return;
    if (kind === 'gap') {
      throw new RelearnError('GAP', `events of ${attributes.source} are missing before ${attributes.sequence}`);
    }
    this.sequences.advance(attributes);
    const type = this.types.get(attributes.type);
    if (type === undefined) return;
    try {
      this.apply(type.read(decodeEvent(record)));
    } catch (thrown) {
      // Those who act on it have it among their dead letters; here it would stand in the way of all that follows.
      const { code, message } = RelearnError.from(thrown);
      this.ports.telemetry.log.warn({ code, event: attributes.id }, `a view leaves an event out: ${message}`);
    }
  }
}
