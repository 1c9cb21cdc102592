import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Chance, type Clock, RelearnError, systemChance, systemClock } from '@relearn/kernel';
import { absent, checkDigest, checkLimit, corrupt, digestInSlices } from '../core/digest.js';
import type { BlobDigest, Blobs } from '../port.js';

export interface FolderBlobsOptions {
  /** False skips every wait for the disk: for folders that are thrown away. */
  readonly durable: boolean;
  readonly clock?: Clock;
  readonly chance?: Chance;
}

/** Files being written, under names that no other writer takes. */
const unfinished = 'unfinished';
/** Nobody writes at a file for so long: whoever began it has died. */
const leftAfterMs = 3_600_000;

/**
 * Blobs as files `aa/bb/<digest>` of the folder, which several processes may share. A file is written aside, synced and
 * renamed: it is whole or absent. Errors: STORAGE_FAILED when the folder cannot be written.
 */
export async function openFolderBlobs(folder: string, options: FolderBlobsOptions): Promise<Blobs> {
  const blobs = new FolderBlobs(folder, options);
  await blobs.prepare();
  return blobs;
}

class FolderBlobs implements Blobs {
  readonly features = { name: 'folder' };
  private readonly folder: string;
  private readonly durable: boolean;
  private readonly clock: Clock;
  private readonly chance: Chance;
  /** Files being written: who puts the same bytes meanwhile waits for the same file. */
  private readonly writing = new Map<BlobDigest, Promise<void>>();
  private readonly active = new Set<Promise<BlobDigest>>();
  private closed = false;

  constructor(folder: string, { durable, clock = systemClock, chance = systemChance }: FolderBlobsOptions) {
    this.folder = folder;
    this.durable = durable;
    this.clock = clock;
    this.chance = chance;
  }

  async prepare(): Promise<void> {
    await this.disk(this.folder, async () => {
      await mkdir(join(this.folder, unfinished), { recursive: true });
      await this.sync(this.folder);
      await this.clean();
    });
  }

  /** Takes away what writers that died have left. Others that open the folder do the same at once. */
  private async clean(): Promise<void> {
    for (const name of await readdir(join(this.folder, unfinished))) {
      const file = join(this.folder, unfinished, name);
      const { mtimeMs } = await stat(file).catch(whereMissing({ mtimeMs: Number.POSITIVE_INFINITY }));
      if (this.clock.wall() - mtimeMs > leftAfterMs) await rm(file, { recursive: true, force: true });
    }
  }

  async put(bytes: Uint8Array): Promise<BlobDigest> {
    this.checkOpen();
    const putting = this.keep(bytes).finally(() => this.active.delete(putting));
    this.active.add(putting);
    return putting;
  }

  async get(digest: BlobDigest): Promise<Uint8Array> {
    this.checkOpen(digest);
    const file = this.file(digest);
    const bytes = await this.disk(file, () => readFile(file), digest);
    const found = await digestInSlices(bytes, () => this.clock.breathe());
    if (found !== digest) throw corrupt(digest, found, file);
    return bytes;
  }

  async has(digest: BlobDigest): Promise<boolean> {
    this.checkOpen(digest);
    return (await this.sizeOf(digest)) !== null;
  }

  async remove(digest: BlobDigest): Promise<void> {
    this.checkOpen(digest);
    const file = this.file(digest);
    await this.disk(file, () => rm(file, { force: true }));
  }

  async list({ after = '', limit }: { readonly after?: BlobDigest; readonly limit: number }): Promise<BlobDigest[]> {
    this.checkOpen();
    checkLimit(limit);
    const found: BlobDigest[] = [];
    for (const first of await this.names(this.folder, 2, after.slice(0, 2))) {
      const bound = first === after.slice(0, 2) ? after.slice(2, 4) : '';
      for (const second of await this.names(join(this.folder, first), 2, bound)) {
        const names = await this.names(join(this.folder, first, second), 64, '');
        found.push(...names.filter((name) => name > after));
        if (found.length >= limit) return found.slice(0, limit);
      }
    }
    return found;
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled(this.active);
  }

  private async keep(bytes: Uint8Array): Promise<BlobDigest> {
    const digest = await digestInSlices(bytes, () => this.clock.breathe());
    const before = this.writing.get(digest);
    const mine = before ?? this.write(digest, bytes).finally(() => this.writing.delete(digest));
    this.writing.set(digest, mine);
    await mine;
    return digest;
  }

  /** Names of so many hex digits in the folder that are not below the bound, in order. */
  private async names(folder: string, length: number, bound: string): Promise<string[]> {
    const names = await this.disk(folder, () => readdir(folder));
    return names.filter((name) => name.length === length && /^[0-9a-f]+$/.test(name) && name >= bound).sort();
  }

  private async write(digest: BlobDigest, bytes: Uint8Array): Promise<void> {
    // A file of another length was cut by a failing disk: it is replaced.
    if ((await this.sizeOf(digest)) === bytes.byteLength) return;
    const file = this.file(digest);
    const parent = join(file, '..');
    const aside = join(this.folder, unfinished, `${digest}.${this.chance.id()}`);
    await this.disk(file, async () => {
      await this.makeParents(digest);
      try {
        await this.writeAside(aside, bytes);
        await rename(aside, file);
      } catch (thrown) {
        await rm(aside, { force: true });
        throw thrown;
      }
      await this.sync(parent);
    });
  }

  private async writeAside(aside: string, bytes: Uint8Array): Promise<void> {
    const handle = await open(aside, 'wx');
    try {
      await handle.writeFile(bytes);
      if (this.durable) await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** A new folder is durable once the one that names it is synced. */
  private async makeParents(digest: BlobDigest): Promise<void> {
    const first = join(this.folder, digest.slice(0, 2));
    if ((await mkdir(join(first, digest.slice(2, 4)), { recursive: true })) === undefined) return;
    await this.sync(first);
    await this.sync(this.folder);
  }

  private async sync(folder: string): Promise<void> {
    if (!this.durable) return;
    let handle: FileHandle | undefined;
    try {
      handle = await open(folder, 'r');
      await handle.sync();
    } finally {
      await handle?.close();
    }
  }

  private async sizeOf(digest: BlobDigest): Promise<number | null> {
    const found = await stat(this.file(digest)).catch(whereMissing(null));
    return found?.size ?? null;
  }

  private file(digest: BlobDigest): string {
    return join(this.folder, digest.slice(0, 2), digest.slice(2, 4), digest);
  }

  private async disk<T>(place: string, work: () => Promise<T>, digest?: BlobDigest): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      if (digest !== undefined && isMissing(thrown)) throw absent(digest);
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      throw new RelearnError('STORAGE_FAILED', `blobs at ${place}: ${reason}`, {
        cause: thrown,
        place: { file: place },
      });
    }
  }

  private checkOpen(digest?: BlobDigest): void {
    if (this.closed) throw new RelearnError('UNAVAILABLE', `the blobs of ${this.folder} are closed`);
    if (digest !== undefined) checkDigest(digest);
  }
}

/** Answers `otherwise` where a file is missing, and throws what else went wrong. */
function whereMissing<T>(otherwise: T): (thrown: unknown) => T {
  return (thrown) => {
    if (isMissing(thrown)) return otherwise;
    throw RelearnError.from(thrown);
  };
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
}
