import type { Binary, Collection, Db, ObjectId } from 'mongodb';

// The two collections of a GridFS bucket: github.com/mongodb/specifications, source/gridfs/gridfs-spec.md.

export interface StoredFile {
  readonly _id: ObjectId;
  /** Bytes. */
  readonly length: number;
  readonly chunkSize: number;
  readonly uploadDate: Date;
  /** The digest of a whole blob. */
  readonly filename: string;
}

export interface StoredChunk {
  readonly _id: string;
  readonly files_id: ObjectId;
  readonly n: number;
  readonly data: Binary;
}

export interface Bucket {
  readonly files: Collection<StoredFile>;
  readonly chunks: Collection<StoredChunk>;
}

export const chunkBytes = 255 * 1024;

export function chunkCount(length: number): number {
  return Math.ceil(length / chunkBytes);
}

export function chunkId(file: ObjectId, n: number): string {
  return `${file.toHexString()}/${n}`;
}

/** Names from here on, above all digests, are those of files that are no blobs yet or no more. */
export const aside = 'g';

export function unfinishedName(id: ObjectId): string {
  return `unfinished/${id.toHexString()}`;
}

export function removedName(id: ObjectId): string {
  return `removed/${id.toHexString()}`;
}

export function bucketOf(database: Db): Bucket {
  return { files: database.collection('blobs.files'), chunks: database.collection('blobs.chunks') };
}

/** The name is unique: of many that put one blob, one names it. */
export async function makeIndexes({ files, chunks }: Bucket): Promise<void> {
  await files.createIndex({ filename: 1 }, { unique: true });
  await chunks.createIndex({ files_id: 1, n: 1 }, { unique: true });
}
