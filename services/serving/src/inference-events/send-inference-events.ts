import type { PartitionReader, StoredRecord, Subscription } from '@relearn/bus';
import { decodeEvent, predictionLogged } from '@relearn/contracts';
import { type Part, RelearnError, retry } from '@relearn/kernel';
import { type Ports, Sequences } from '@relearn/runtime';
import { type InferenceEvent, inferenceEventsOf } from './inference-event.js';

/** Delivers an event and answers with the receiver's HTTP status. Throws UNAVAILABLE where nobody answers. */
export type InferenceEventSink = (event: InferenceEvent, signal: AbortSignal) => Promise<number>;

const limits = { maxRecords: 200, maxBytes: 2 * 1024 * 1024 };
/** Deliveries under way at once, a partition. */
const atOnce = 8;
const longestDelayMs = 30_000;

/**
 * Sends what the prediction log says of requests to a receiver of KServe's inference events, behind the bus, so that no
 * request waits for it: from the log's oldest prediction on, each at least once and under the same id. What the receiver
 * cannot take now is sent again until it can; what it refuses for good is counted and passed over.
 */
export function sendInferenceEvents(ports: Ports, sink: InferenceEventSink): Part {
  const senders = new Map<number, Sender>();
  let subscription: Subscription | undefined;
  return {
    name: 'inference events',
    async start() {
      subscription = await ports.bus.subscribe({
        group: 'serving-inference-events',
        topics: ['predictions'],
        onAssigned: (partition, [reader]) => {
          if (reader !== undefined) senders.set(partition, new Sender(ports, sink, reader));
        },
        onRevoked: async (partition) => {
          await senders.get(partition)?.stop();
          senders.delete(partition);
        },
      });
    },
    stop: async () => subscription?.close(),
  };
}

class Sender {
  private readonly ports: Ports;
  private readonly sink: InferenceEventSink;
  private readonly reader: PartitionReader;
  private readonly sequences = new Sequences();
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;

  constructor(ports: Ports, sink: InferenceEventSink, reader: PartitionReader) {
    this.ports = ports;
    this.sink = sink;
    this.reader = reader;
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    const { clock, chance } = this.ports.kernel;
    while (!signal.aborted) {
      try {
        const records = await this.reader.next(limits, signal);
        await this.send(records.flatMap((record) => this.eventsIn(record)));
        const last = records.at(-1);
        if (last !== undefined && !signal.aborted) await this.reader.commit(last.position + 1);
      } catch (thrown) {
        const error = RelearnError.from(thrown);
        if (error.code === 'FENCED' || signal.aborted) return;
        this.tell(error);
        await clock.sleep(1_000 * (0.5 + chance.next()), signal);
      }
    }
  }

  /** Nothing of a copy, and nothing of what is no event: who needs it makes it a dead letter. */
  private eventsIn(record: StoredRecord): InferenceEvent[] {
    try {
      const event = predictionLogged.read(decodeEvent(record));
      // What was logged before this process began to read may be missing here: a gap is no reason to stop.
      if (this.sequences.judge(event).kind === 'skip') return [];
      this.sequences.advance(event);
      return inferenceEventsOf(event);
    } catch (thrown) {
      if (RelearnError.from(thrown).code === 'INVALID_EVENT') return [];
      throw thrown;
    }
  }

  private async send(events: readonly InferenceEvent[]): Promise<void> {
    for (let from = 0; from < events.length && !this.stopping.signal.aborted; from += atOnce) {
      await Promise.all(events.slice(from, from + atOnce).map((event) => this.deliver(event)));
    }
  }

  private async deliver(event: InferenceEvent): Promise<void> {
    const { clock, chance } = this.ports.kernel;
    const { signal } = this.stopping;
    const onRetry = (error: RelearnError, attempt: number) => {
      if (attempt % 10 === 1) this.tell(error);
    };
    const status = await retry({ clock, chance, signal, longestDelayMs, onRetry }, async () => {
      const answered = await this.sink(event, signal);
      if (answered < 500 && answered !== 408 && answered !== 429) return answered;
      throw new RelearnError('UNAVAILABLE', `the receiver of inference events answers ${answered}`);
    });
    const outcome = status < 300 ? 'taken' : 'refused';
    this.ports.telemetry.metrics.inferenceEvents.add({ outcome });
    if (outcome === 'refused') {
      const { 'ce-id': id } = event.headers;
      this.ports.telemetry.log.warn({ id, status }, 'an inference event was refused, and is passed over');
    }
  }

  private tell(error: RelearnError): void {
    const place = { service: 'serving', partition: this.reader.partition, code: error.code };
    this.ports.telemetry.log.warn(place, `inference events wait: ${error.describe()}`);
  }
}
