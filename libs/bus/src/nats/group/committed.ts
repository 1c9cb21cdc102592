import { RelearnError } from '@relearn/kernel';
import type { Document, Json, Store } from '@relearn/store';
import type { Position } from '../../port.js';

export const committedCollection = 'bus-committed';

interface Body {
  /** The epoch of the owner who may write. */
  readonly fence: number;
  readonly positions: Readonly<Record<string, Position>>;
}

/** What a group has committed in one partition number: a document that only its owner can write. */
export class Committed {
  private readonly store: Store;
  private readonly id: string;
  private readonly fence: number;
  private version: number;
  private positions: Readonly<Record<string, Position>>;
  private writing: Promise<void> | undefined;
  private queued: Promise<void> | undefined;

  private constructor(store: Store, id: string, version: number, { fence, positions }: Body) {
    this.store = store;
    this.id = id;
    this.fence = fence;
    this.version = version;
    this.positions = positions;
  }

  /** From now on nobody with a lower fence can write. Throws FENCED where there is a greater one. */
  static async take(store: Store, id: string, fence: number): Promise<Committed> {
    for (;;) {
      const found = await store.get(committedCollection, id);
      const known = found === null ? null : decode(found.body);
      if (known !== null && known.fence > fence) throw new NewerFence(id, known.fence);
      const body = { fence, positions: known?.positions ?? {} };
      try {
        const written = await write(store, id, found, body);
        return new Committed(store, id, written.version, body);
      } catch (thrown) {
        if (!isRace(thrown)) throw thrown;
      }
    }
  }

  positionOf(topic: string): Position {
    return this.positions[topic] ?? 0;
  }

  /** Durable when resolved. Commits that come while one is written go together in the next. Throws FENCED. */
  commit(topic: string, position: Position): Promise<void> {
    this.positions = { ...this.positions, [topic]: position };
    this.queued ??= (this.writing ?? Promise.resolve())
      // Its callers have its error.
      .catch(() => undefined)
      .then(() => {
        this.queued = undefined;
        this.writing = this.save();
        return this.writing;
      });
    return this.queued;
  }

  private async save(): Promise<void> {
    const body = { fence: this.fence, positions: this.positions };
    for (;;) {
      try {
        this.version = (await this.store.replace(committedCollection, this.id, this.version, encode(body))).version;
        return;
      } catch (thrown) {
        if (!isRace(thrown)) throw thrown;
        // A write of ours whose answer was lost, a document that was deleted, or somebody else's partition now.
        const found = await this.store.get(committedCollection, this.id);
        if (found !== null && decode(found.body).fence !== this.fence)
          throw new NewerFence(this.id, decode(found.body).fence);
        this.version = found?.version ?? (await this.store.create(committedCollection, this.id, encode(body))).version;
      }
    }
  }
}

/** FENCED, and by whom. */
export class NewerFence extends RelearnError {
  readonly fence: number;

  constructor(id: string, fence: number) {
    super('FENCED', `${id} was taken over`);
    this.fence = fence;
  }
}

function write(store: Store, id: string, found: Document | null, body: Body): Promise<Document> {
  return found === null
    ? store.create(committedCollection, id, encode(body))
    : store.replace(committedCollection, id, found.version, encode(body));
}

export function isRace(thrown: unknown): boolean {
  return ['CONFLICT', 'ALREADY_EXISTS', 'NOT_FOUND'].includes(RelearnError.from(thrown).code);
}

function encode(body: Body): Json {
  return { fence: body.fence, positions: { ...body.positions } };
}

function decode(body: Json): Body {
  return body as unknown as Body;
}
