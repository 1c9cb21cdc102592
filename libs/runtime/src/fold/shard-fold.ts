import type { OutgoingRecord, StoredRecord } from '@relearn/bus';
import { type Attributes, decodeAttributes, decodeEvent, type Topic } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { isReplayed, originalOf, recordsIn, replayedIn } from '../dead-letters/original.js';
import { type Emission, recordsFor } from '../emit.js';
import { placed } from '../placed-event.js';
import type { Ports } from '../ports.js';
import { rowAddressesOf, Sequences } from '../sequences.js';
import { checkpointId, type FoldedShard } from './checkpoint.js';
import type { FoldDefinition, Shard } from './definition.js';
import { PartStore } from './parts.js';

/** Main-thread time after which other work gets a turn. */
const sliceMs = 8;

/** A shard's state between two checkpoints: what records do to it, and nothing of where they come from or go to. */
export class ShardFold<S> {
  readonly state: S;
  readonly parts: PartStore;
  /** By topic: the position below which everything is applied. */
  readonly done: Map<string, number>;
  private readonly ports: Ports;
  private readonly definition: FoldDefinition<S>;
  private readonly shard: Shard;
  private readonly sequences: Sequences;
  private readonly published: Map<string, number>;
  private deadLettered: number;

  private constructor(
    ports: Ports,
    definition: FoldDefinition<S>,
    shard: Shard,
    parts: PartStore,
    state: S,
    { positions, applied, published, deadLettered }: FoldedShard,
  ) {
    this.ports = ports;
    this.definition = definition;
    this.shard = shard;
    this.parts = parts;
    this.state = state;
    this.done = new Map(definition.topics.map((topic) => [topic, positions[topic] ?? 0]));
    this.sequences = new Sequences(applied);
    this.published = new Map(Object.entries(published));
    this.deadLettered = deadLettered;
  }

  static async open<S>(
    ports: Ports,
    definition: FoldDefinition<S>,
    partition: number,
    checkpoint: FoldedShard,
  ): Promise<ShardFold<S>> {
    const parts = await PartStore.open(ports.blobs, checkpointId(definition.service, partition), checkpoint.parts);
    const shard = { partition, ports, blob: (bytes: Uint8Array) => parts.queue(bytes) };
    const state = await definition.open(shard, parts.loaded());
    return new ShardFold(ports, definition, shard, parts, state, checkpoint);
  }

  /** See `FoldDefinition.prepare`. */
  async prepare(next: number): Promise<boolean> {
    return (await this.definition.prepare?.(this.state, next, this.shard)) ?? false;
  }

  /** Applies what of the record has not been applied before. Throws GAP, INVALID_EVENT, and what the fold throws. */
  async apply(record: StoredRecord): Promise<readonly Emission[]> {
    if (isReplayed(record)) return await this.applyReplayed(record);
    const topic = record.topic as Topic;
    if (this.definition.concerns !== undefined) {
      const attributes = decodeAttributes(record.headers);
      if (!this.definition.concerns(attributes)) return this.passOver(attributes, topic);
    }
    const event = placed(record, decodeEvent(record));
    if (!this.definition.sequenced(topic)) return await this.definition.apply(this.state, event, 0, this.shard);
    const fromRow = this.firstRow(event, rowAddressesOf(event));
    if (fromRow === null) return [];
    const emissions = await this.definition.apply(this.state, event, fromRow, this.shard);
    this.sequences.advance(event);
    return emissions;
  }

  /**
   * Leaves the record out for good; its source goes on behind it. `keep` makes it a dead letter, of which the rows from the
   * one given have not been applied; not called where all of them have.
   */
  async putAside(record: StoredRecord, keep: (fromRow: number) => Promise<void>): Promise<void> {
    if (isReplayed(record)) {
      const replayed = replayedIn(record);
      if (!this.isMine(replayed.data.consumer) || this.firstRow(replayed) === null) return;
      await keep(replayed.data.fromRow);
      this.sequences.advance(replayed);
      return;
    }
    const event = this.definition.sequenced(record.topic as Topic) ? attributesOf(record) : null;
    const fromRow = event === null ? 0 : this.firstRow(event, addressesIn(record));
    if (fromRow === null) return;
    await keep(fromRow);
    this.deadLettered += recordsIn(record);
    if (event !== null) this.sequences.advance(event);
  }

  /** The records to be published for emissions; a source's last sequence goes on with each. */
  async encoded(emissions: readonly Emission[]): Promise<OutgoingRecord[]> {
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

  /** The checkpoint of what has been applied; its changed parts are queued. `stale`: blobs that no part names any more. */
  save(): { readonly checkpoint: FoldedShard; readonly stale: readonly string[] } {
    const { definition, state } = this;
    const stale = this.parts.stage(definition.save(state));
    const checkpoint = {
      positions: Object.fromEntries(this.done),
      applied: this.sequences.toJSON(),
      published: Object.fromEntries([...this.published].sort(([a], [b]) => (a < b ? -1 : 1))),
      parts: this.parts.digests(),
      counts: definition.counts?.(state) ?? {},
      deadLettered: this.deadLettered,
    };
    return { checkpoint, stale };
  }

  /** A letter comes back: it counts as received from now on, and its own rows tell nothing of what has been applied. */
  private async applyReplayed(record: StoredRecord): Promise<readonly Emission[]> {
    const replayed = replayedIn(record);
    if (!this.isMine(replayed.data.consumer) || this.firstRow(replayed) === null) return [];
    const original = await originalOf(this.ports, record, replayed.data);
    const event = placed(record, decodeEvent(original));
    const emissions = await this.definition.apply(this.state, event, replayed.data.fromRow, this.shard);
    this.deadLettered -= replayed.data.records;
    this.sequences.advance(replayed);
    return emissions;
  }

  private passOver(event: Attributes, topic: Topic): readonly Emission[] {
    if (this.definition.sequenced(topic) && this.firstRow(event) !== null) this.sequences.advance(event);
    return [];
  }

  private isMine(consumer: string): boolean {
    return consumer === this.definition.service;
  }

  /** The first row that was not applied before; null when the event was. Throws GAP. */
  private firstRow(event: Attributes, addresses?: readonly number[]): number | null {
    const verdict = this.sequences.judge(event, addresses);
    if (verdict.kind === 'apply') return verdict.fromRow;
    if (verdict.kind === 'skip') return null;
    const applied = this.sequences.of(event.source);
    throw new RelearnError('GAP', `${event.source} jumps from ${applied} to ${event.previous}`);
  }
}

/** Null when the record's headers are those of no event. */
function attributesOf(record: StoredRecord): Attributes | null {
  try {
    return decodeAttributes(record.headers);
  } catch {
    return null;
  }
}

/** Of a record whose data can be read: the addresses of its rows. */
function addressesIn(record: StoredRecord): readonly number[] | undefined {
  try {
    return rowAddressesOf(decodeEvent(record));
  } catch {
    return undefined;
  }
}
