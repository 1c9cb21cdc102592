import type { PartitionReader, StoredRecord } from '@relearn/bus';
import { rowAddress, type Topic } from '@relearn/contracts';
import { canonicalJson, RelearnError, retry } from '@relearn/kernel';
import { attributeNames } from '@relearn/telemetry';
import { deadLetter } from '../dead-letters/put-aside.js';
import type { Emission } from '../emit.js';
import type { Ports } from '../ports.js';
import { Arrivals } from './arrivals.js';
import { type Checkpoint, OwnedCheckpoint } from './checkpoint.js';
import type { FoldDefinition } from './definition.js';
import { readSaved, saveCheckpoint, saveEveryMs } from './saved-checkpoints.js';
import { ShardFold } from './shard-fold.js';

/** Main-thread time after which other work gets a turn. */
const sliceMs = 8;
/** How long a shard that has caught up waits for more before it writes its checkpoint. */
const lingerMs = 100;
/** The longest time between checkpoints of a busy shard. */
const checkpointEveryMs = 1000;
/**
 * Parts that a checkpoint no longer names are removed only so soon after it was begun: below the time in which a shard can go
 * to another process. Later they stay, and take room.
 */
const discardWithinMs = 2_000;
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
  /** Positions of the stored checkpoint. */
  private readonly resumesAt = new Map<string, number>();
  /** By topic: an earlier owner may have published what follows from records below. */
  private readonly publishedBelow = new Map<string, number>();
  private readonly tries = new Map<string, number>();
  /** Records whose handling keeps failing, by place: put aside when they come again, before they touch the state. */
  private readonly poisoned = new Map<string, RelearnError>();
  private running: Promise<void> = Promise.resolve();
  private working = true;
  private checkpoint!: OwnedCheckpoint;
  private fold: ShardFold<S> | undefined;
  private dirtySince: number | null = null;
  /** The log holds no saved checkpoint of where the shard stands. */
  private unsaved = false;
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
    return this.definition.topics.includes(topic) ? (this.fold?.done.get(topic) ?? 0) : undefined;
  }

  busy(): boolean {
    return this.working;
  }

  private async run(): Promise<void> {
    const { kernel, telemetry } = this.ports;
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        const fold = await this.open();
        await this.consume(fold);
        // Nobody knows for how long the shard rests now, and what its topics keep meanwhile.
        await this.writeCheckpoint(fold, 'leaving');
      } catch (thrown) {
        const error = RelearnError.from(thrown);
        if ((error.code === 'CANCELLED' && signal.aborted) || !(await this.isOurs())) break;
        telemetry.log.error(
          { service: this.definition.service, partition: this.partition, code: error.code, stack: error.stack },
          `shard stops and starts again from its checkpoint: ${error.describe()}`,
        );
        await kernel.clock.sleep(200 + kernel.chance.next() * 800, signal);
      }
    }
    this.definition.release?.(this.partition);
    this.working = false;
  }

  /**
   * Whether the bus still leaves us the shard, after an error. Who has lost it lets go, and takes no checkpoint from who has
   * it; who has it stays, also when its checkpoint was taken: else nobody would go on.
   */
  private async isOurs(): Promise<boolean> {
    const [reader] = this.readers;
    try {
      await reader?.commit(this.resumesAt.get(reader.topic) ?? reader.position);
      return true;
    } catch (thrown) {
      return RelearnError.from(thrown).code !== 'FENCED';
    }
  }

  private async open(): Promise<ShardFold<S>> {
    this.working = true;
    const { ports, definition, partition } = this;
    this.checkpoint = await this.retrying(() => OwnedCheckpoint.take(ports.store, definition.service, partition));
    const fold = await ShardFold.open(ports, definition, partition, this.checkpoint.value);
    this.fold = fold;
    this.dirtySince = null;
    await this.keepSaved(fold, this.checkpoint.value);
    for (const reader of this.readers) {
      const position = fold.done.get(reader.topic) ?? 0;
      this.resumesAt.set(reader.topic, position);
      const bounds = this.checkpoint.value.epoch === 1 ? [] : await this.retrying(() => ports.bus.bounds(reader.topic));
      this.publishedBelow.set(reader.topic, bounds[partition]?.end ?? 0);
      reader.seek(position);
    }
    return fold;
  }

  /** What the last saved checkpoint names is kept, whoever saved it. */
  private async keepSaved(fold: ShardFold<S>, { saved: { blob }, positions }: Checkpoint): Promise<void> {
    const saved = blob === null ? null : await this.retrying(() => readSaved(this.ports.blobs, blob));
    if (saved !== null && blob !== null) fold.parts.pin([blob, ...Object.values(saved.parts)]);
    this.unsaved = canonicalJson(saved?.positions ?? {}) !== canonicalJson(positions);
  }

  private async consume(fold: ShardFold<S>): Promise<void> {
    const { clock } = this.ports.kernel;
    const arrivals = new Arrivals(this.readers, clock);
    this.arrivals = arrivals;
    try {
      while (!this.stopping.signal.aborted) {
        this.working = false;
        const arrival = await arrivals.next(this.dirtySince === null ? null : lingerMs);
        if (arrival === null) {
          if (this.dirtySince !== null) await this.writeCheckpoint(fold);
          continue;
        }
        this.working = true;
        const started = clock.now();
        await this.ports.telemetry.span(
          `process ${this.definition.service}`,
          this.spanOptions(arrival.records.length),
          () => this.take(fold, arrival.records),
        );
        const seconds = (clock.now() - started) / 1000;
        this.ports.telemetry.metrics.foldBatch.observe({ service: this.definition.service }, seconds);
        this.observeConsumed(arrival.records, seconds);
        arrival.taken();
        this.working = false;
        if (this.dirtySince !== null && clock.now() - this.dirtySince > checkpointEveryMs) {
          await this.writeCheckpoint(fold);
        }
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

  private async take(fold: ShardFold<S>, records: readonly StoredRecord[]): Promise<void> {
    const { clock } = this.ports.kernel;
    let sliceStart = clock.now();
    let emissions: Emission[] = [];
    for (const record of records) {
      try {
        if (await this.prepared(fold, record, emissions)) emissions = [];
        emissions.push(...(await this.applyOne(fold, record)));
      } catch (thrown) {
        // What came before it holds, whatever becomes of this record.
        await this.publish(fold, emissions);
        throw thrown;
      }
      fold.done.set(record.topic, record.position + 1);
      this.dirtySince ??= clock.now();
      if (clock.now() - sliceStart > sliceMs) {
        await clock.breathe();
        sliceStart = clock.now();
      }
    }
    await this.publish(fold, emissions);
  }

  /**
   * A change that must be durable before the next record: what came before it is published and checkpointed first. None
   * for records that were there when the shard was taken: whoever had it before may have published what follows from them,
   * and then died before a checkpoint said so.
   */
  private async prepared(fold: ShardFold<S>, record: StoredRecord, emissions: Emission[]): Promise<boolean> {
    if (record.position < (this.publishedBelow.get(record.topic) ?? 0)) return false;
    if (!(await fold.prepare(rowAddress(record.position, 0)))) return false;
    await this.publish(fold, emissions);
    await this.writeCheckpoint(fold, 'prepared');
    return true;
  }

  private async applyOne(fold: ShardFold<S>, record: StoredRecord): Promise<readonly Emission[]> {
    const poison = this.poisoned.get(placeOf(record));
    if (poison !== undefined) return this.putAside(fold, record, poison);
    try {
      return await fold.apply(record);
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      if (error.code === 'INVALID_EVENT') return this.putAside(fold, record, error);
      this.noteFailure(record, error);
      throw error;
    }
  }

  /** An error that no retry mends makes the record poison after some tries; a gap never does. */
  private noteFailure(record: StoredRecord, error: RelearnError): void {
    if (error.retryable || ['GAP', 'FENCED', 'CANCELLED'].includes(error.code)) return;
    const place = placeOf(record);
    const tries = (this.tries.get(place) ?? 0) + 1;
    this.tries.set(place, tries);
    if (tries >= triesBeforeDeadLetter) this.poisoned.set(place, error);
  }

  private async putAside(fold: ShardFold<S>, record: StoredRecord, error: RelearnError): Promise<readonly Emission[]> {
    const { ports, definition } = this;
    await fold.putAside(record, (fromRow) =>
      this.retrying(() => deadLetter(ports, definition.service, record, error, fromRow)),
    );
    return [];
  }

  private async publish(fold: ShardFold<S>, emissions: readonly Emission[]): Promise<void> {
    await this.retrying(() => fold.parts.flush());
    this.ports.kernel.failpoints.hit(`${this.definition.service}:before-publish`);
    const records = await fold.encoded(emissions);
    if (records.length === 0) return;
    await this.retrying(() => this.ports.bus.publish(records));
    this.ports.kernel.failpoints.hit(`${this.definition.service}:after-publish`);
  }

  /**
   * The checkpoint is saved in the log, too, when the state has been `prepared` (no record tells what for), when the shard
   * is left, and before what the log keeps ceases to reach back to the last one.
   */
  private async writeCheckpoint(
    fold: ShardFold<S>,
    why: 'going on' | 'prepared' | 'leaving' = 'going on',
  ): Promise<void> {
    const { definition, ports, partition } = this;
    const dirty = this.dirtySince !== null || why === 'prepared';
    if (!dirty && !(why === 'leaving' && this.unsaved)) return;
    const { clock } = ports.kernel;
    const started = clock.now();
    const { checkpoint, stale } = fold.save();
    await this.retrying(() => fold.parts.flush());
    const { epoch, saved } = this.checkpoint.value;
    const due = why !== 'going on' || clock.wall() - saved.at > saveEveryMs(definition);
    const place = { service: definition.service, partition, epoch };
    const next = due ? await this.retrying(() => saveCheckpoint(ports, place, checkpoint, saved)) : saved;
    ports.kernel.failpoints.hit(`${definition.service}:before-checkpoint`);
    await this.retrying(() => this.checkpoint.swap({ ...checkpoint, saved: next }));
    ports.kernel.failpoints.hit(`${definition.service}:after-checkpoint`);
    for (const [topic, position] of fold.done) this.resumesAt.set(topic, position);
    this.dirtySince = null;
    this.unsaved = !due;
    ports.telemetry.metrics.checkpoint.observe({ service: definition.service }, (clock.now() - started) / 1000);
    const free = due && next.blob !== null ? [...stale, ...fold.parts.pinSaved(next.blob)] : stale;
    // Who was stopped meanwhile may not have the shard any more, and the next owner may have put the same bytes again.
    if (clock.now() - started < discardWithinMs) await fold.parts.discard(free);
    for (const reader of this.readers) await this.retrying(() => reader.commit(fold.done.get(reader.topic) ?? 0));
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
