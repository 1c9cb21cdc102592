import type { PartitionReader, StoredRecord, Subscription } from '@relearn/bus';
import { decodeAttributes, decodeEvent, type LoggedEvent, type Topic } from '@relearn/contracts';
import { type Part, RelearnError } from '@relearn/kernel';
import { deadLetter } from '../dead-letters/put-aside.js';
import { attributeNames } from '@relearn/telemetry';
import { placed } from '../placed-event.js';
import type { Ports } from '../ports.js';
import { Sequences } from '../sequences.js';
import type { Decider } from './definition.js';
import { AggregateHost } from './host.js';
import { together } from './together.js';

/** Between two looks for what other processes have left undone. It is resumed by the second one that meets it. */
const lookEveryMs = 5_000;
const limits = { maxRecords: 200, maxBytes: 2 * 1024 * 1024 };

/** A decider running on the partitions that the bus assigns, and the door to its aggregates. */
export interface DeciderPart<S> extends Part {
  readonly host: AggregateHost<S>;
}

export function deciderPart<S>(ports: Ports, decider: Decider<S>): DeciderPart<S> {
  const host = new AggregateHost(ports, decider);
  const loops = new Map<number, ControlLoop<S>>();
  let subscription: Subscription | undefined;
  let leave: () => void = () => undefined;
  let leftovers: Promise<void> = Promise.resolve();
  const looking = new AbortController();
  let looks: Promise<void> = Promise.resolve();
  /** What this process's doors had written when it died, also to aggregates of partitions that are not its own. */
  const publishLeftovers = async () => {
    try {
      await host.resume(null);
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      ports.telemetry.log.error({ service: decider.service, code: error.code }, `at the start: ${error.describe()}`);
    }
  };
  return {
    name: `${decider.service} decider`,
    host,
    async start() {
      leave = ports.activity.join({
        doneBelow: (topic, partition) => loops.get(partition)?.doneBelow(topic),
        busy: () => host.busy() || [...loops.values()].some((loop) => loop.busy()),
      });
      const subscribing = ports.bus.subscribe({
        group: `${decider.service}-decider`,
        topics: decider.topics,
        onAssigned: (partition, readers) => {
          const loop = new ControlLoop(ports, decider, host, partition, readers);
          loops.set(partition, loop);
          loop.start();
        },
        onRevoked: async (partition) => {
          await loops.get(partition)?.stop();
          loops.delete(partition);
        },
      });
      try {
        subscription = await subscribing;
      } catch (thrown) {
        leave();
        throw thrown;
      }
      leftovers = publishLeftovers();
      if (ports.bus.features.sharedBetweenProcesses) {
        looks = lookAround(ports, decider.service, looking.signal, () => host.lookAfter(new Set(loops.keys())));
      }
    },
    async stop() {
      host.giveUp();
      looking.abort();
      await looks;
      await subscription?.close();
      await host.release();
      await leftovers;
      leave();
    },
  };
}

/** Looks now and then until the signal aborts; what a look could not meet is met by the next one. */
async function lookAround(
  { kernel, telemetry }: Ports,
  service: string,
  signal: AbortSignal,
  look: () => Promise<void>,
): Promise<void> {
  for (;;) {
    await kernel.clock.sleep(lookEveryMs, signal);
    if (signal.aborted) return;
    try {
      await look();
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      telemetry.log.warn({ service, code: error.code }, `unfinished work was not looked for: ${error.describe()}`);
    }
  }
}

/** Reads a partition's control events in order; one that cannot be handled holds the partition. */
class ControlLoop<S> {
  private readonly ports: Ports;
  private readonly decider: Decider<S>;
  private readonly host: AggregateHost<S>;
  private readonly partition: number;
  private readonly readers: readonly PartitionReader[];
  private readonly stopping = new AbortController();
  private readonly sequences = new Sequences();
  private readonly done = new Map<string, number>();
  private running: Promise<void> = Promise.resolve();
  /** Readers that have a record in hand, and the start. */
  private inHand = 1;

  constructor(
    ports: Ports,
    decider: Decider<S>,
    host: AggregateHost<S>,
    partition: number,
    readers: readonly PartitionReader[],
  ) {
    this.ports = ports;
    this.decider = decider;
    this.host = host;
    this.partition = partition;
    this.readers = readers;
    for (const { topic, position } of readers) this.done.set(topic, position);
  }

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  doneBelow(topic: Topic): number | undefined {
    return this.decider.topics.includes(topic) ? (this.done.get(topic) ?? 0) : undefined;
  }

  busy(): boolean {
    return this.inHand > 0;
  }

  private async run(): Promise<void> {
    await this.holding(() => this.host.resume(this.partition));
    this.inHand = 0;
    await Promise.all(this.readers.map((reader) => this.consume(reader)));
  }

  private async consume(reader: PartitionReader): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const records = await this.next(reader);
      this.inHand += 1;
      await this.take(records);
      const last = records.at(-1);
      // Who was stopped meanwhile may have left some of them.
      if (last !== undefined && !signal.aborted) this.done.set(last.topic, last.position + 1);
      this.inHand -= 1;
      const position = this.done.get(reader.topic);
      if (position !== undefined) await this.holding(() => reader.commit(position));
    }
  }

  /** Those before a record that is held are handled. */
  private async take(records: readonly StoredRecord[]): Promise<void> {
    let events: LoggedEvent[] = [];
    const handle = async () => {
      await this.handle(events);
      events = [];
    };
    for (const record of records) {
      await this.holding(async () => {
        try {
          events.push(...(await this.judged(record)));
        } catch (thrown) {
          await handle();
          throw thrown;
        }
      });
    }
    await handle();
  }

  private async handle(events: readonly LoggedEvent[]): Promise<void> {
    for (const { aggregate, events: mine } of together(this.decider, events)) {
      const [first] = mine;
      if (first === undefined) continue;
      const attributes = this.attributesOf(first, mine.length);
      await this.holding(() =>
        this.ports.telemetry.span(
          `process ${first.topic}`,
          { kind: 'consumer', parent: first.traceparent, attributes },
          () => this.host.handle(aggregate, mine),
        ),
      );
    }
  }

  /** Nothing while the log cannot be read, or not any more. */
  private async next(reader: PartitionReader): Promise<StoredRecord[]> {
    const { kernel, telemetry } = this.ports;
    const { signal } = this.stopping;
    try {
      return await reader.next(limits, signal);
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      if (error.code === 'FENCED') this.stopping.abort();
      const place = { service: this.decider.service, topic: reader.topic, partition: this.partition };
      telemetry.log.error({ ...place, code: error.code }, `the log cannot be read: ${error.describe()}`);
      await kernel.clock.sleep(200 + kernel.chance.next() * 800, signal);
      return [];
    }
  }

  /** The record's event, or nothing where it is to be skipped. Throws GAP. */
  private async judged(record: StoredRecord): Promise<LoggedEvent[]> {
    let event: ReturnType<typeof decodeEvent>;
    try {
      event = decodeEvent(record);
    } catch (thrown) {
      await deadLetter(this.ports, `${this.decider.service}-decider`, record, RelearnError.from(thrown));
      return [];
    }
    let verdict = this.sequences.judge(event);
    if (verdict.kind === 'gap') {
      await this.readAgain(record, event.source);
      verdict = this.sequences.judge(event);
    }
    if (verdict.kind === 'gap') {
      throw new RelearnError(
        'GAP',
        `${event.source} jumps from ${this.sequences.of(event.source)} to ${event.previous}`,
      );
    }
    if (verdict.kind === 'skip') return [];
    this.sequences.advance(event);
    return [placed(record, event)];
  }

  /**
   * What the log holds of the source before the record. This reader began somewhere behind its start, and a late copy of an
   * old event may have been the first that it saw of the source: what came before that is then not missing.
   */
  private async readAgain({ topic, partition, position }: StoredRecord, source: string): Promise<void> {
    const { bus } = this.ports;
    const whole = new Sequences();
    const { first = 0 } = (await bus.bounds(topic))[partition] ?? {};
    for (let next = first; next < position; ) {
      const records = await bus.read(topic, partition, next, limits);
      for (const record of records) {
        if (record.position >= position || record.headers['ce_source'] !== source) continue;
        const attributes = decodeAttributes(record.headers);
        if (whole.judge(attributes).kind === 'apply') whole.advance(attributes);
      }
      next = (records.at(-1)?.position ?? position) + 1;
    }
    const sequence = whole.of(source);
    if (sequence !== undefined) this.sequences.reach(source, sequence);
  }

  private attributesOf({ topic, pipeline }: LoggedEvent, batch: number) {
    return {
      [attributeNames.service]: this.decider.service,
      [attributeNames.pipeline]: pipeline,
      [attributeNames.messagingDestination]: topic,
      [attributeNames.messagingPartition]: String(this.partition),
      [attributeNames.messagingBatch]: batch,
    };
  }

  /** Tries again until it works or the partition goes away: a control event is never skipped. */
  private async holding(work: () => Promise<void>): Promise<void> {
    const { kernel, telemetry } = this.ports;
    const { signal } = this.stopping;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        return await work();
      } catch (thrown) {
        const error = RelearnError.from(thrown);
        telemetry.log.error(
          { service: this.decider.service, partition: this.partition, code: error.code, attempt, stack: error.stack },
          `the partition is held: ${error.describe()}`,
        );
        await kernel.clock.sleep(Math.min(30_000, 100 * 2 ** attempt), signal);
      }
    }
  }
}
