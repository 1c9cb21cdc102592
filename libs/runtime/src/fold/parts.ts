import type { Blobs } from '@relearn/blobs';
import { sha256 } from '@relearn/kernel';
import type { Parts } from './definition.js';

const text = new TextEncoder();

/** The part's bytes after its owner's name and a line feed: equal states of two shards are two blobs. */
function owned(owner: string, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([text.encode(`${owner}\n`), bytes]);
}

/** The bytes of a part as the fold saved them. */
export function partBytes(blob: Uint8Array): Uint8Array {
  return blob.subarray(blob.indexOf(10) + 1);
}

/** A fold's parts as blobs: only changed ones are written, and what a new checkpoint no longer names is discarded after it. */
export class PartStore {
  private readonly blobs: Blobs;
  private readonly owner: string;
  private readonly saved: Map<string, string>;
  private contents: Map<string, Uint8Array>;
  private readonly queued = new Map<string, Uint8Array>();
  /** What the shard's last saved checkpoint names, itself included: kept until the next one is in the log. */
  private pinned = new Set<string>();

  private constructor(blobs: Blobs, owner: string, saved: Map<string, string>, contents: Map<string, Uint8Array>) {
    this.blobs = blobs;
    this.owner = owner;
    this.saved = saved;
    this.contents = contents;
  }

  static async open(blobs: Blobs, owner: string, digests: Readonly<Record<string, string>>): Promise<PartStore> {
    const contents = new Map<string, Uint8Array>();
    for (const [name, digest] of Object.entries(digests)) contents.set(name, partBytes(await blobs.get(digest)));
    return new PartStore(blobs, owner, new Map(Object.entries(digests)), contents);
  }

  /** Hands over what was loaded, once. */
  loaded(): Parts {
    const { contents } = this;
    this.contents = new Map();
    return contents;
  }

  /** The blob is written by the next `flush`. */
  queue(bytes: Uint8Array): string {
    const digest = sha256(bytes);
    this.queued.set(digest, bytes);
    return digest;
  }

  /** Takes over changed parts; answers the digests that no part names any more. */
  stage(changed: ReadonlyMap<string, Uint8Array | null>): string[] {
    const before = new Set(this.saved.values());
    for (const [name, bytes] of changed) {
      if (bytes === null) {
        this.saved.delete(name);
        continue;
      }
      const blob = owned(this.owner, bytes);
      const digest = sha256(blob);
      if (this.saved.get(name) === digest) continue;
      this.queued.set(digest, blob);
      this.saved.set(name, digest);
    }
    const now = new Set(this.saved.values());
    return [...before].filter((digest) => !now.has(digest));
  }

  async flush(): Promise<void> {
    const writes = [...this.queued];
    await Promise.all(writes.map(([, bytes]) => this.blobs.put(bytes)));
    for (const [digest] of writes) this.queued.delete(digest);
  }

  pin(digests: Iterable<string>): void {
    this.pinned = new Set(digests);
  }

  /** Keeps the parts of now and `blob`, which has just been saved with them; answers what was kept before and no longer is. */
  pinSaved(blob: string): string[] {
    const before = this.pinned;
    this.pin([blob, ...this.saved.values()]);
    return [...before].filter((digest) => !this.pinned.has(digest));
  }

  digests(): Record<string, string> {
    return Object.fromEntries([...this.saved].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Parts are owned by one shard alone (their bytes name it), so nobody else refers to a replaced one. */
  async discard(digests: readonly string[]): Promise<void> {
    const free = digests.filter((digest) => !this.pinned.has(digest));
    await Promise.all(free.map((digest) => this.blobs.remove(digest)));
  }
}
