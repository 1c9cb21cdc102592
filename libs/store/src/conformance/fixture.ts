import type { ErrorCode } from '@relearn/kernel';
import { expect } from 'vitest';
import type { Store } from '../port.js';

export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens another one on what it left; absent when nothing survives. */
  readonly reopen?: () => Promise<Store>;
  readonly close: () => Promise<void>;
}

export type StoreFactory = () => Promise<StoreUnderTest>;

/** A collection without unique paths, and one in which `name` and `owner.mail` are unique. */
export const plain = 'runs';
export const unique = 'models';
export const uniquePaths = ['name', 'owner.mail'];

/** Runs the body on a new store with both collections. */
export async function withStore(factory: StoreFactory, body: (given: StoreUnderTest) => Promise<void>): Promise<void> {
  const given = await factory();
  try {
    await given.store.ensureCollections([{ name: plain }, { name: unique, unique: uniquePaths }]);
    await body(given);
  } finally {
    await given.close();
  }
}

export async function expectCode(work: Promise<unknown>, code: ErrorCode): Promise<void> {
  await expect(work).rejects.toMatchObject({ name: 'RelearnError', code });
}

/** The error code of a piece of work, or null when it went well. */
export async function codeOf(work: Promise<unknown>): Promise<ErrorCode | null> {
  try {
    await work;
    return null;
  } catch (thrown) {
    return (thrown as { readonly code: ErrorCode }).code;
  }
}
