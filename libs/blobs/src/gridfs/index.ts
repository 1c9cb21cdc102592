import { type Clock, RelearnError, systemClock } from '@relearn/kernel';
import type { Mongo } from '@relearn/mongodb';
import { Binary, ObjectId } from 'mongodb';
import { absent, checkDigest, checkLimit, corrupt, digestInSlices } from '../core/digest.js';
import type { BlobDigest, Blobs } from '../port.js';
import {
  aside,
  bucketOf,
  type Bucket,
  chunkBytes,
  chunkCount,
  chunkId,
  makeIndexes,
  removedName,
  type StoredChunk,
  type StoredFile,
  unfinishedName,
} from './bucket.js';

export interface GridFsBlobsOptions {
  /** Lets other work run between slices of a large blob, and says which uploads are old. */
  readonly clock?: Clock;
}

/** After this time an upload that has not ended is a dead process's. Should it live, its end fails and it begins again. */
const abandonedAfterMs = 3_600_000;
/** For a step of an upload or a download, whatever the network. */
const withinMs = 300_000;
/** Chunks of one command: well below the 16 MiB and 48 MB that a server takes. */
const chunksAtOnce = 32;
const requestsAtOnce = 8;
const tries = 5;

/**
 * Blobs in GridFS, for any number of processes: the bucket `blobs` of the database, a file a blob whose name is its digest. A
 * file bears another name until all its chunks are there and from the moment of its removal: it is whole or absent. Errors:
 * UNAVAILABLE soon when no server can be reached. Closing the blobs leaves the client open.
 */
export function openGridFsBlobs(mongo: Mongo, options: GridFsBlobsOptions = {}): Blobs {
  return new GridFsBlobs(mongo, options);
}

class GridFsBlobs implements Blobs {
  readonly features = { name: 'gridfs' };
  private readonly mongo: Mongo;
  private readonly clock: Clock;
  private readonly active = new Set<Promise<BlobDigest>>();
  private prepared: Promise<void> | undefined;
  private closed = false;

  constructor(mongo: Mongo, { clock = systemClock }: GridFsBlobsOptions) {
    this.mongo = mongo;
    this.clock = clock;
  }

  async put(bytes: Uint8Array): Promise<BlobDigest> {
    this.check();
    const putting = this.keep(bytes).finally(() => this.active.delete(putting));
    this.active.add(putting);
    return putting;
  }

  async get(digest: BlobDigest): Promise<Uint8Array> {
    this.check(digest);
    let before: StoredFile | null = null;
    for (;;) {
      const file = await this.find(digest);
      if (file === null) throw absent(digest);
      const bytes = await this.read(file);
      const found = await digestInSlices(bytes, () => this.clock.breathe());
      if (found === digest) return bytes;
      // What was removed meanwhile has lost chunks already; it may have been put again.
      if (before?._id.equals(file._id)) throw corrupt(digest, found, `GridFS file ${file._id.toHexString()}`);
      before = file;
    }
  }

  async has(digest: BlobDigest): Promise<boolean> {
    this.check(digest);
    return (await this.find(digest)) !== null;
  }

  async remove(digest: BlobDigest): Promise<void> {
    this.check(digest);
    await this.ready();
    const file = await this.find(digest);
    if (file !== null) await this.discard(file);
  }

  async list({ after = '', limit }: { readonly after?: BlobDigest; readonly limit: number }): Promise<BlobDigest[]> {
    this.check();
    checkLimit(limit);
    const files = await this.run(({ files: all }) =>
      all.find({ filename: { $gt: after, $lt: aside } }, { sort: { filename: 1 }, limit }).toArray(),
    );
    return files.map(({ filename }) => filename);
  }

  health(): RelearnError | null {
    return this.mongo.health();
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled(this.active);
  }

  private async keep(bytes: Uint8Array): Promise<BlobDigest> {
    const digest = await digestInSlices(bytes, () => this.clock.breathe());
    await this.ready();
    for (let attempt = 1; attempt <= tries; attempt++) {
      if ((await this.find(digest)) !== null) return digest;
      if (await this.upload(digest, bytes)) return digest;
    }
    throw new RelearnError('STORAGE_FAILED', `GridFS: blob ${digest} was taken away while it was written`);
  }

  /** True when the blob is there: by this upload or by another that was quicker. */
  private async upload(digest: BlobDigest, bytes: Uint8Array): Promise<boolean> {
    const _id = new ObjectId();
    const filename = unfinishedName(_id);
    const file = { _id, length: bytes.byteLength, chunkSize: chunkBytes, uploadDate: _id.getTimestamp(), filename };
    await this.run(({ files }) => files.insertOne(file));
    for (let from = 0; from < bytes.byteLength; from += chunksAtOnce * chunkBytes) {
      const batch = chunksOf(bytes.subarray(from, from + chunksAtOnce * chunkBytes), _id, from / chunkBytes);
      await this.run(({ chunks }) => chunks.insertMany(batch));
    }
    try {
      const named = await this.run(({ files }) => files.updateOne({ _id, filename }, { $set: { filename: digest } }));
      return named.matchedCount > 0;
    } catch (thrown) {
      if ((await this.find(digest)) === null) throw thrown;
      await this.discard(file);
      return true;
    }
  }

  /** Takes the name away first: nobody finds a file that has lost chunks. */
  private async discard(file: StoredFile): Promise<void> {
    const { _id, filename } = file;
    const renamed = removedName(_id);
    const taken = await this.run(({ files }) => files.updateOne({ _id, filename }, { $set: { filename: renamed } }));
    if (taken.matchedCount > 0) await this.erase(file);
  }

  private async erase(file: StoredFile): Promise<void> {
    await this.eachChunk(file, ({ chunks }, _id) => chunks.deleteOne({ _id }));
    await this.run(({ files }) => files.deleteOne({ _id: file._id }));
  }

  private find(digest: BlobDigest): Promise<StoredFile | null> {
    return this.run(({ files }) => files.findOne({ filename: digest }));
  }

  private async read(file: StoredFile): Promise<Uint8Array> {
    const bytes = new Uint8Array(file.length);
    await this.eachChunk(file, async ({ chunks }, _id, n) => {
      const chunk = await chunks.findOne({ _id });
      if (chunk !== null) bytes.set(chunk.data.value().subarray(0, file.length - n * chunkBytes), n * chunkBytes);
    });
    return bytes;
  }

  /** Some at a time. By their ids, which every server has an index on and looks up at once. */
  private async eachChunk(
    file: StoredFile,
    work: (bucket: Bucket, id: string, n: number) => Promise<unknown>,
  ): Promise<void> {
    const numbers = Array.from({ length: chunkCount(file.length) }, (_, n) => n);
    for (let from = 0; from < numbers.length; from += requestsAtOnce) {
      const some = numbers.slice(from, from + requestsAtOnce);
      await Promise.all(some.map((n) => this.run((bucket) => work(bucket, chunkId(file._id, n), n))));
    }
  }

  /** Before the first write: the indexes, and away with what dead processes left. */
  private ready(): Promise<void> {
    this.prepared ??= this.prepare().catch((thrown: unknown) => {
      this.prepared = undefined;
      throw thrown;
    });
    return this.prepared;
  }

  private async prepare(): Promise<void> {
    await this.run(makeIndexes);
    const leftovers = await this.run(({ files }) => files.find({ filename: { $gte: aside } }).toArray());
    const old = ObjectId.createFromTime((this.clock.wall() - abandonedAfterMs) / 1000);
    for (const file of leftovers) {
      if (file.filename === removedName(file._id)) await this.erase(file);
      else if (file._id.toHexString() < old.toHexString()) await this.discard(file);
    }
  }

  private run<T>(work: (bucket: Bucket) => Promise<T>): Promise<T> {
    return this.mongo.run('blobs', (database) => work(bucketOf(database)), withinMs);
  }

  private check(digest?: BlobDigest): void {
    if (this.closed) throw new RelearnError('UNAVAILABLE', 'the blobs are closed');
    if (digest !== undefined) checkDigest(digest);
  }
}

function chunksOf(bytes: Uint8Array, files_id: ObjectId, first: number): StoredChunk[] {
  return Array.from({ length: chunkCount(bytes.byteLength) }, (_, n) => ({
    _id: chunkId(files_id, first + n),
    files_id,
    n: first + n,
    data: new Binary(bytes.subarray(n * chunkBytes, (n + 1) * chunkBytes)),
  }));
}
