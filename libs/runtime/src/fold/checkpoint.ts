import type { Json, Store } from '@relearn/store';
import { RelearnError } from '@relearn/kernel';

/** One small document a (service, shard): where the fold stands and which blobs hold its state. */
export interface Checkpoint {
  /** Grows each time the shard is taken: an older owner's writes are refused. */
  readonly epoch: number;
  /** By topic: the position below which everything is applied. */
  readonly positions: Readonly<Record<string, number>>;
  /** By source: the last sequence applied. */
  readonly applied: Readonly<Record<string, number>>;
  /** By source: the last sequence published. */
  readonly published: Readonly<Record<string, number>>;
  /** By part: its blob. */
  readonly parts: Readonly<Record<string, string>>;
  readonly counts: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly deadLettered: number;
  /** The last `checkpoint.saved` of the shard. */
  readonly saved: Saved;
}

export interface Saved {
  /** Grows with each, through all owners. */
  readonly sequence: number;
  /** Wall time in ms; 0: never. */
  readonly at: number;
  /** Digest of the checkpoint as JSON; null: none. */
  readonly blob: string | null;
}

/** What follows from the shard's records alone: the same whoever folds them, and in how many steps. */
export type FoldedShard = Omit<Checkpoint, 'epoch' | 'saved'>;

export function foldedShard(checkpoint: Checkpoint): FoldedShard {
  const { positions, applied, published, parts, counts, deadLettered } = checkpoint;
  return { positions, applied, published, parts, counts, deadLettered };
}

export const checkpointCollection = 'checkpoints';

export const emptyCheckpoint: Checkpoint = {
  epoch: 0,
  saved: { sequence: 0, at: 0, blob: null },
  positions: {},
  applied: {},
  published: {},
  parts: {},
  counts: {},
  deadLettered: 0,
};

export function checkpointId(service: string, partition: number): string {
  return `${service}/${String(partition).padStart(4, '0')}`;
}

function decode(body: Json): Checkpoint {
  return { ...emptyCheckpoint, ...(body as unknown as Checkpoint) };
}

function encode(checkpoint: Checkpoint): Json {
  return checkpoint as unknown as Json;
}

/** The stored checkpoint, or null before the first. */
export async function readCheckpoint(store: Store, service: string, partition: number): Promise<Checkpoint | null> {
  const document = await store.get(checkpointCollection, checkpointId(service, partition));
  return document === null ? null : decode(document.body);
}

const page = 256;

/** The stored checkpoints of a service by partition. */
export async function listCheckpoints(store: Store, service: string): Promise<Map<number, Checkpoint>> {
  const prefix = `${service}/`;
  const found = new Map<number, Checkpoint>();
  let after: string | undefined;
  for (;;) {
    const documents = await store.list(checkpointCollection, {
      prefix,
      limit: page,
      ...(after === undefined ? {} : { after }),
    });
    for (const { id, body } of documents) found.set(Number(id.slice(prefix.length)), decode(body));
    after = documents.at(-1)?.id;
    if (documents.length < page) return found;
  }
}

/** A shard taken by this process: writes the checkpoint while nobody else has taken it. */
export class OwnedCheckpoint {
  private version: number;
  private current: Checkpoint;
  private readonly store: Store;
  private readonly id: string;

  private constructor(store: Store, id: string, version: number, current: Checkpoint) {
    this.store = store;
    this.id = id;
    this.version = version;
    this.current = current;
  }

  /** Takes the shard: increments its epoch by compare-and-set. */
  static async take(store: Store, service: string, partition: number): Promise<OwnedCheckpoint> {
    const id = checkpointId(service, partition);
    const found = await store.get(checkpointCollection, id);
    if (found === null) {
      const first = { ...emptyCheckpoint, epoch: 1 };
      const created = await store.create(checkpointCollection, id, encode(first));
      return new OwnedCheckpoint(store, id, created.version, first);
    }
    const before = decode(found.body);
    const next = { ...before, epoch: before.epoch + 1 };
    const replaced = await store.replace(checkpointCollection, id, found.version, encode(next));
    return new OwnedCheckpoint(store, id, replaced.version, next);
  }

  get value(): Checkpoint {
    return this.current;
  }

  /** Throws FENCED when another process has taken the shard. */
  async swap(next: Omit<Checkpoint, 'epoch'>): Promise<void> {
    const value = { ...next, epoch: this.current.epoch };
    try {
      this.version = (await this.store.replace(checkpointCollection, this.id, this.version, encode(value))).version;
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      if (error.code !== 'CONFLICT' && error.code !== 'NOT_FOUND') throw error;
      if (await this.wroteAlready(value)) return;
      throw new RelearnError('FENCED', `${this.id} has been taken over`, { cause: thrown });
    }
    this.current = value;
  }

  /** A write whose answer was lost looks like a conflict: it is ours when the stored document is what we wrote. */
  private async wroteAlready(value: Checkpoint): Promise<boolean> {
    const found = await this.store.get(checkpointCollection, this.id);
    if (found === null || JSON.stringify(found.body) !== JSON.stringify(encode(value))) return false;
    this.version = found.version;
    this.current = value;
    return true;
  }
}
