import { type ErrorCode, retry, systemChance, systemClock } from '@relearn/kernel';
import { expect, test } from 'vitest';
import type { Blobs } from '../port.js';

/** The server behind an adapter, for tests that take it away. */
export interface BlobsServer {
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again on what it kept; resolves when it answers. */
  restart(): Promise<void>;
}

export interface BlobsUnderTest {
  readonly blobs: Blobs;
  /** Closes the blobs and opens others on what they left. */
  readonly reopen?: () => Promise<Blobs>;
  /** Opens others on the same blobs, as another process does. The fixture closes them. */
  readonly another?: () => Promise<Blobs>;
  /** Changes a byte of a kept blob behind the adapter's back. */
  readonly damage?: (digest: string) => Promise<void>;
  readonly server?: BlobsServer;
  readonly close: () => Promise<void>;
}

export type BlobsFactory = () => Promise<BlobsUnderTest>;

/** What a fixture cannot do, each with the reason: the tests that need it are skipped with these words. */
export interface Lacks {
  readonly reopen?: string;
  readonly another?: string;
  readonly damage?: string;
  readonly server?: string;
}

export async function withBlobs(factory: BlobsFactory, body: (given: BlobsUnderTest) => Promise<void>): Promise<void> {
  const given = await factory();
  try {
    await body(given);
  } finally {
    await given.close();
  }
}

/** A test that needs an ability of the fixture. A fixture without it has to say why in `lacks`, or the test fails. */
export function testWith<A extends keyof Lacks>(
  ability: A,
  { factory, lacks }: { readonly factory: BlobsFactory; readonly lacks: Lacks },
  name: string,
  body: (given: BlobsUnderTest, able: NonNullable<BlobsUnderTest[A]>) => Promise<void>,
): void {
  test(name, async ({ skip }) => {
    const reason = lacks[ability];
    if (reason !== undefined) skip(`no ${ability}: ${reason}`);
    await withBlobs(factory, (given) => {
      const able = given[ability];
      if (able === undefined) throw new Error(`the fixture neither has '${ability}' nor says why it lacks it`);
      return body(given, able);
    });
  });
}

export async function expectCode(work: Promise<unknown>, code: ErrorCode): Promise<void> {
  await expect(work).rejects.toMatchObject({ name: 'RelearnError', code });
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Bytes of a large blob, which differ from byte to byte and from seed to seed. */
export function manyBytes(length: number, seed: number): Uint8Array {
  return new Uint8Array(length).map((_, index) => (index * 31 + seed * 7 + (index >> 8)) % 251);
}

/** The work's answer, however long the server is away. */
export function untilItAnswers<T>(work: () => Promise<T>): Promise<T> {
  return retry({ clock: systemClock, chance: systemChance, longestDelayMs: 200 }, work);
}
