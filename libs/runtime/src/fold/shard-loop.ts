import type { OutgoingRecord, PartitionReader, StoredRecord } from '@relearn/bus';
import { type Attributes, decodeAttributes, decodeEvent, rowAddress, type Topic } from '@relearn/contracts';
import { RelearnError, retry } from '@relearn/kernel';
import { attributeNames } from '@relearn/telemetry';
import { deadLetter } from '../dead-letters.js';
import { type Emission, recordsFor } from '../emit.js';
import type { Ports } from '../ports.js';
import { rowAddressesOf, Sequences } from '../sequences.js';
import { Arrivals } from './arrivals.js';
import { checkpointId, OwnedCheckpoint } from './checkpoint.js';
import type { FoldDefinition } from './definition.js';
import { PartStore } from './parts.js';

/** Main-thread time after which other work gets a turn. */
const sliceMs = 8;
/** How long a shard that has caught up waits for more before it writes its checkpoint. */
const lingerMs = 100;
/** The longest time between checkpoints of a busy shard. */
const checkpointEveryMs = 1000;
/** A record whose handling fails for a reason that no retry mends is put aside after so many tries. */
const triesBeforeDeadLetter = 3;

/**
 * Runs one shard of a fold: take the shard, resume from its checkpoint, apply records, publish, checkpoint, commit.
 * Outputs are published before the checkpoint that covers them; after a crash the same outputs are made again and
 * their readers skip them by sequence.
 */
export class ShardLoop<S> {
  private readonly ports: Ports;
  private readonly definition: FoldDefinition<S>;
  private readonly partition: number;
  private readonly readers: readonly PartitionReader[];
  private readonly stopping = new AbortController();
  private readonly done = new Map<string, number>();
  private readonly tries = new Map<string, number>();
  /** Records whose handling keeps failing, by place: put aside when they come again, before they touch the state. */
  private readonly poisoned = new Map<string, RelearnError>();
  private running: Promise<void> = Promise.resolve();
  private working = true;
  private checkpoint!: OwnedCheckpoint;
  private parts!: PartStore;
  private state!: S;
  private sequences = new Sequences();
  private published = new Map<string, number>();
  private deadLettered = 0;
  private dirtySince: number | null = null;
  private arrivals: Arrivals | undefined;

  constructor(ports: Ports, definition: FoldDefinition<S>, partition: number, readers: readonly PartitionReader[]) {
    this.ports = ports;
    this.definition = definition;
    this.partition = partition;
    this.readers = readers;
  }

  start(): void {
    this.running = this.run();
  }

  /** Finishes the batch in hand, writes the checkpoint and lets go. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.arrivals?.stop();
    await this.running;
  }

  doneBelow(topic: Topic): number | undefined {
    return this.definition.topics.includes(topic) ? (this.done.get(topic) ?? 0) : undefined;
  }

  busy(): boolean {
    return this.working;
  }

  private async run(): Promise<void> {
    const { kernel, telemetry } = this.ports;
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await this.open();
        await this.consume();
        await this.writeCheckpoint();
      } catch (thrown) {
        const error = RelearnError.from(thrown);
        if (error.code === 'FENCED' || (error.code === 'CANCELLED' && signal.aborted)) break;
        telemetry.log.error(
          { service: this.definition.service, partition: this.partition, code: error.code, stack: error.stack },
          `shard stops and starts again from its checkpoint: ${error.describe()}`,
        );
        await kernel.clock.sleep(200 + kernel.chance.next() * 800, signal);
      }
    }
    this.working = false;
  }

  private async open(): Promise<void> {
    this.working = true;
    const { ports, definition, partition } = this;
    this.checkpoint = await this.retrying(() => OwnedCheckpoint.take(ports.store, definition.service, partition));
    const { positions, applied, published, parts, deadLettered } = this.checkpoint.value;
    this.parts = await PartStore.open(ports.blobs, checkpointId(definition.service, partition), parts);
    this.sequences = new Sequences(applied);
    this.published = new Map(Object.entries(published));
    this.deadLettered = deadLettered;
    this.dirtySince = null;
    this.state = await definition.open(this.shard(), this.parts.loaded());
    for (const reader of this.readers) {
      const position = positions[reader.topic] ?? 0;
      this.done.set(reader.topic, position);
      reader.seek(position);
    }
  }

  private shard() {
    return { partition: this.partition, ports: this.ports, blob: (bytes: Uint8Array) => this.parts.queue(bytes) };
  }

  private async consume(): Promise<void> {
    const { clock } = this.ports.kernel;
    const arrivals = new Arrivals(this.readers, clock);
    this.arrivals = arrivals;
    try {
      while (!this.stopping.signal.aborted) {
        this.working = false;
        const arrival = await arrivals.next(this.dirtySince === null ? null : lingerMs);
        if (arrival === null) {
          if (this.dirtySince !== null) await this.writeCheckpoint();
          continue;
        }
        this.working = true;
        const started = clock.now();
        await this.ports.telemetry.span(
          `process ${this.definition.service}`,
          this.spanOptions(arrival.records.length),
          () => this.take(arrival.records),
        );
        const seconds = (clock.now() - started) / 1000;
        this.ports.telemetry.metrics.foldBatch.observe({ service: this.definition.service }, seconds);
        this.observeConsumed(arrival.records, seconds);
        arrival.taken();
        this.working = false;
        if (this.dirtySince !== null && clock.now() - this.dirtySince > checkpointEveryMs) await this.writeCheckpoint();
      }
    } finally {
      await arrivals.stop();
    }
  }

  private observeConsumed(records: readonly StoredRecord[], seconds: number): void {
    const { messagingConsumed, messagingProcess } = this.ports.telemetry.metrics;
    const labels = {
      messaging_system: this.ports.bus.features.name,
      messaging_destination_name: records[0]?.topic ?? '',
      messaging_consumer_group_name: this.definition.service,
    };
    messagingConsumed.add(labels, records.length);
    messagingProcess.observe({ ...labels, error_type: '' }, seconds);
  }

  private spanOptions(records: number) {
    const attributes = {
      [attributeNames.service]: this.definition.service,
      [attributeNames.messagingPartition]: String(this.partition),
      [attributeNames.messagingBatch]: records,
    };
    return { kind: 'consumer' as const, attributes };
  }

  private async take(records: readonly StoredRecord[]): Promise<void> {
    const { clock } = this.ports.kernel;
    let sliceStart = clock.now();
    let emissions: Emission[] = [];
    for (const record of records) {
      try {
        if (await this.prepared(record, emissions)) emissions = [];
        emissions.push(...(await this.applyOne(record)));
      } catch (thrown) {
        // What came before it holds, whatever becomes of this record.
        await this.publish(emissions);
        throw thrown;
      }
      this.done.set(record.topic, record.position + 1);
      this.dirtySince ??= clock.now();
      if (clock.now() - sliceStart > sliceMs) {
        await clock.breathe();
        sliceStart = clock.now();
      }
    }
    await this.publish(emissions);
  }

  /** A change that must be durable before the next record: what came before it is published and checkpointed first. */
  private async prepared(record: StoredRecord, emissions: Emission[]): Promise<boolean> {
    const { prepare } = this.definition;
    const next = rowAddress(record.position, 0);
    if (prepare === undefined || !(await prepare(this.state, next, this.shard()))) return false;
    await this.publish(emissions);
    await this.writeCheckpoint();
    return true;
  }

  private async applyOne(record: StoredRecord): Promise<readonly Emission[]> {
    const poison = this.poisoned.get(placeOf(record));
    if (poison !== undefined) return this.putAside(record, poison);
    try {
      return await this.judgeAndApply(record);
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      if (error.code === 'INVALID_EVENT') return this.putAside(record, error);
      this.noteFailure(record, error);
      throw error;
    }
  }

  private async judgeAndApply(record: StoredRecord): Promise<readonly Emission[]> {
    const topic = record.topic as Topic;
    const event = { ...decodeEvent(record), topic, partition: record.partition, position: record.position };
    if (!this.definition.sequenced(topic)) return await this.definition.apply(this.state, event, 0, this.shard());
    const fromRow = this.firstRow(event, rowAddressesOf(event));
    if (fromRow === null) return [];
    const emissions = await this.definition.apply(this.state, event, fromRow, this.shard());
    this.sequences.advance(event);
    return emissions;
  }

  /** The first row that was not applied before; null when the event was. Throws GAP. */
  private firstRow(event: Attributes, addresses?: readonly number[]): number | null {
    const verdict = this.sequences.judge(event, addresses);
    if (verdict.kind === 'apply') return verdict.fromRow;
    if (verdict.kind === 'skip') return null;
    const applied = this.sequences.of(event.source);
    throw new RelearnError('GAP', `${event.source} jumps from ${applied} to ${event.previous}`);
  }

  /** An error that no retry mends makes the record poison after some tries; a gap never does. */
  private noteFailure(record: StoredRecord, error: RelearnError): void {
    if (error.retryable || ['GAP', 'FENCED', 'CANCELLED'].includes(error.code)) return;
    const place = placeOf(record);
    const tries = (this.tries.get(place) ?? 0) + 1;
    this.tries.set(place, tries);
    if (tries >= triesBeforeDeadLetter) this.poisoned.set(place, error);
  }

  /** To the dead letters; its source goes on behind it. */
  private async putAside(record: StoredRecord, error: RelearnError): Promise<readonly Emission[]> {
    const attributes = this.definition.sequenced(record.topic as Topic) ? attributesOf(record) : null;
    if (attributes !== null && this.firstRow(attributes) === null) return [];
    await this.retrying(() => deadLetter(this.ports, this.definition.service, record, error));
    this.deadLettered += Number(record.headers['ce_records'] ?? 1);
    if (attributes !== null) this.sequences.advance(attributes);
    return [];
  }

  private async publish(emissions: readonly Emission[]): Promise<void> {
    await this.retrying(() => this.parts.flush());
    this.ports.kernel.failpoints.hit(`${this.definition.service}:before-publish`);
    const records = await this.encoded(emissions);
    if (records.length === 0) return;
    await this.retrying(() => this.ports.bus.publish(records));
    this.ports.kernel.failpoints.hit(`${this.definition.service}:after-publish`);
  }

  private async encoded(emissions: readonly Emission[]): Promise<OutgoingRecord[]> {
    const { clock } = this.ports.kernel;
    const records: OutgoingRecord[] = [];
    let sliceStart = clock.now();
    for (const emitted of emissions) {
      if (clock.now() - sliceStart > sliceMs) {
        await clock.breathe();
        sliceStart = clock.now();
      }
      records.push(...recordsFor(emitted, this.published));
    }
    return records;
  }

  private async writeCheckpoint(): Promise<void> {
    const { definition, state } = this;
    if (this.dirtySince === null && definition.prepare === undefined) return;
    const { clock } = this.ports.kernel;
    const started = clock.now();
    const stale = this.parts.stage(definition.save(state));
    await this.retrying(() => this.parts.flush());
    this.ports.kernel.failpoints.hit(`${definition.service}:before-checkpoint`);
    const next = {
      positions: Object.fromEntries(this.done),
      applied: this.sequences.toJSON(),
      published: Object.fromEntries(this.published),
      parts: this.parts.digests(),
      counts: definition.counts?.(state) ?? {},
      deadLettered: this.deadLettered,
    };
    await this.retrying(() => this.checkpoint.swap(next));
    this.ports.kernel.failpoints.hit(`${definition.service}:after-checkpoint`);
    this.dirtySince = null;
    this.ports.telemetry.metrics.checkpoint.observe({ service: definition.service }, (clock.now() - started) / 1000);
    await this.parts.discard(stale);
    for (const reader of this.readers) await this.retrying(() => reader.commit(this.done.get(reader.topic) ?? 0));
  }

  private retrying<T>(work: () => Promise<T>): Promise<T> {
    const { kernel, telemetry } = this.ports;
    return retry(
      {
        clock: kernel.clock,
        chance: kernel.chance,
        signal: this.stopping.signal,
        onRetry: (error, attempt) => {
          telemetry.metrics.retries.add({ service: this.definition.service, code: error.code });
          if (attempt % 10 === 1)
            telemetry.log.warn({ code: error.code, attempt }, `${this.definition.service}: ${error.message}`);
        },
      },
      work,
    );
  }
}

function placeOf(record: StoredRecord): string {
  return `${record.topic}/${record.position}`;
}

/** Null when the record's headers are those of no event. */
function attributesOf(record: StoredRecord): Attributes | null {
  try {
    return decodeAttributes(record.headers);
  } catch {
    return null;
  }
}
