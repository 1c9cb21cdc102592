import type { RelearnError } from '@relearn/kernel';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface Document {
  readonly id: string;
  /** Grows by one with each write; 1 when created. */
  readonly version: number;
  readonly body: Json;
}

export interface CollectionSpec {
  readonly name: string;
  /** Paths into the body (`a.b`) whose values no two documents of the collection may share; null and missing are exempt. */
  readonly unique?: readonly string[];
}

export interface ListOptions {
  readonly prefix?: string;
  /** Only ids above this one: the last id of the page before. */
  readonly after?: string;
  readonly limit: number;
}

export interface StoreFeatures {
  readonly name: string;
  readonly durability: { readonly process: boolean; readonly power: boolean };
}

/**
 * Documents with single-document atomic operations and nothing more, so that every document database can serve.
 * A write is durable when its promise resolves. Ids are 1 to 512 UTF-16 units of well-formed Unicode without NUL, in the
 * order of their code points: that of their UTF-8 bytes, which databases sort by (UTF-16 order differs above U+FFFF).
 * Unique values are compared as JSON: `1` and `"1"` are two, objects are equal whatever the order of their keys.
 * Errors: ALREADY_EXISTS (id or unique path), CONFLICT (another version), NOT_FOUND (document, or a collection that was not
 * declared), INVALID_INPUT (id), UNAVAILABLE and STORAGE_FAILED (retry: a write may have been done all the same, and is then
 * met as a CONFLICT or ALREADY_EXISTS by the same write).
 */
export interface Store {
  readonly features: StoreFeatures;
  /** Declares collections; paths that become unique are checked against what is there (ALREADY_EXISTS changes nothing). */
  ensureCollections(collections: readonly CollectionSpec[]): Promise<void>;
  get(collection: string, id: string): Promise<Document | null>;
  create(collection: string, id: string, body: Json): Promise<Document>;
  /** Compare-and-set: replaces the document if it still has the version. A removed document begins at version 1 again. */
  replace(collection: string, id: string, version: number, body: Json): Promise<Document>;
  /** Creates or replaces, whatever is there: for read models that are rebuilt from the log. */
  put(collection: string, id: string, body: Json): Promise<Document>;
  /** Removes the document if it is there. */
  remove(collection: string, id: string): Promise<void>;
  /** Documents in the order of their ids. */
  list(collection: string, options: ListOptions): Promise<Document[]>;
  /** Why the store cannot be used now, for readiness; null while it can. Absent where it cannot be away. Never waits. */
  health?(): RelearnError | null;
  close(): Promise<void>;
}
