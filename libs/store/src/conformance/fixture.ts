import { type ErrorCode, RelearnError, retry, systemClock, systemChance } from '@relearn/kernel';
import { expect, test } from 'vitest';
import type { Store } from '../port.js';

/** The server behind an adapter, for tests that take it away. */
export interface StoreServer {
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again on what it kept; resolves when it answers. */
  restart(): Promise<void>;
}

export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens another one on what it left. */
  readonly reopen?: () => Promise<Store>;
  /** Opens one more store on the same documents, as another process does. The fixture closes it. */
  readonly another?: () => Promise<Store>;
  readonly server?: StoreServer;
  readonly close: () => Promise<void>;
}

export type StoreFactory = () => Promise<StoreUnderTest>;

/** What a fixture cannot do, each with the reason: the tests that need it are skipped with these words. */
export interface Lacks {
  readonly reopen?: string;
  readonly another?: string;
  readonly server?: string;
}

/** A collection without unique paths, and one in which `name` and `owner.mail` are unique. */
export const plain = 'runs';
export const unique = 'models';
export const uniquePaths = ['name', 'owner.mail'];
export const collections = [{ name: plain }, { name: unique, unique: uniquePaths }];

/** Runs the body on a new store with both collections. */
export async function withStore(factory: StoreFactory, body: (given: StoreUnderTest) => Promise<void>): Promise<void> {
  const given = await factory();
  try {
    await given.store.ensureCollections(collections);
    await body(given);
  } finally {
    await given.close();
  }
}

/** A test that needs an ability of the fixture. A fixture without it has to say why in `lacks`, or the test fails. */
export function testWith<A extends keyof Lacks>(
  ability: A,
  { factory, lacks }: { readonly factory: StoreFactory; readonly lacks: Lacks },
  name: string,
  body: (given: StoreUnderTest, able: NonNullable<StoreUnderTest[A]>) => Promise<void>,
): void {
  test(name, async ({ skip }) => {
    const reason = lacks[ability];
    if (reason !== undefined) skip(`no ${ability}: ${reason}`);
    await withStore(factory, (given) => {
      const able = given[ability];
      if (able === undefined) throw new Error(`the fixture neither has '${ability}' nor says why it lacks it`);
      return body(given, able);
    });
  });
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
    return RelearnError.from(thrown).code;
  }
}

/** The work's answer, however long the server is away: for reads, which may be done again. */
export function untilItAnswers<T>(work: () => Promise<T>): Promise<T> {
  return retry({ clock: systemClock, chance: systemChance, longestDelayMs: 200 }, work);
}
