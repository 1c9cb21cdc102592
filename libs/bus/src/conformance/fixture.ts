import { type ErrorCode, type Kernel, retry } from '@relearn/kernel';
import { expect, test } from 'vitest';
import type { Bus, OutgoingRecord, PartitionReader, ReadLimits, StoredRecord } from '../port.js';

/** The server behind an adapter, for tests that take it away. */
export interface BusServer {
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again on what it kept; resolves when it answers. */
  restart(): Promise<void>;
}

export interface BusUnderTest {
  readonly bus: Bus;
  readonly kernel: Kernel;
  /** Closes the bus and opens another one on what it left. */
  readonly reopen?: () => Promise<Bus>;
  /** Opens one more bus on the same log, as another instance of a service does. The caller closes it. */
  readonly another?: () => Promise<Bus>;
  readonly server?: BusServer;
  readonly close: () => Promise<void>;
}

export type BusFactory = () => Promise<BusUnderTest>;

/** What a fixture cannot do, each with the reason: the tests that need it are skipped with these words. */
export interface Lacks {
  readonly reopen?: string;
  readonly another?: string;
  readonly server?: string;
}

/** A test that needs an ability of the fixture. A fixture without it has to say why in `lacks`, or the test fails. */
export function testWith<A extends keyof Lacks>(
  ability: A,
  lacks: Lacks,
  factory: BusFactory,
  name: string,
  body: (given: BusUnderTest, able: NonNullable<BusUnderTest[A]>) => Promise<void>,
): void {
  test(name, async ({ skip }) => {
    const reason = lacks[ability];
    if (reason !== undefined) skip(`no ${ability}: ${reason}`);
    await withBus(factory, (given) => {
      const able = given[ability];
      if (able === undefined) throw new Error(`the fixture neither has '${ability}' nor says why it lacks it`);
      return body(given, able);
    });
  });
}

export const topic = 'flights';
export const partitions = 4;
export const wide: ReadLimits = { maxRecords: 1_000, maxBytes: 8 * 1024 * 1024 };
export const never: AbortSignal = new AbortController().signal;

/** Runs the body on a new bus with one topic of four partitions. */
export async function withBus(factory: BusFactory, body: (given: BusUnderTest) => Promise<void>): Promise<void> {
  const given = await factory();
  try {
    await given.bus.ensureTopics([{ name: topic, partitions, retentionMs: null }]);
    await body(given);
  } finally {
    await given.close();
  }
}

export function record(partition: number, text: string, more: Partial<OutgoingRecord> = {}): OutgoingRecord {
  return { topic, partition, key: null, headers: {}, value: new TextEncoder().encode(text), ...more };
}

export function textOf(stored: StoredRecord): string {
  return new TextDecoder().decode(stored.value);
}

/** Reads until there are so many, in whatever batches they come. */
export async function take(reader: PartitionReader, count: number, limits = wide): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  while (records.length < count) records.push(...(await reader.next(limits, never)));
  return records;
}

/** Waits for what another party brings about; a test that waits in vain ends by its own time limit. */
export async function until(kernel: Kernel, holds: () => boolean): Promise<void> {
  while (!holds()) await kernel.clock.sleep(2);
}

export async function expectCode(work: Promise<unknown>, code: ErrorCode): Promise<void> {
  await expect(work).rejects.toMatchObject({ name: 'RelearnError', code });
}

/** Publishes as callers do: again and again while the error is one to retry. */
export function publishRetrying(
  { kernel, bus }: Pick<BusUnderTest, 'kernel' | 'bus'>,
  records: readonly OutgoingRecord[],
): Promise<number[]> {
  const { clock, chance } = kernel;
  return retry({ clock, chance, longestDelayMs: 200 }, () => bus.publish(records));
}

/** Everything in a partition, read from its first position to its end. */
export async function contents(bus: Bus, partition: number, limits = wide, of = topic): Promise<StoredRecord[]> {
  const { first, end } = (await bus.bounds(of))[partition] ?? { first: 0, end: 0 };
  const records: StoredRecord[] = [];
  for (let from = first; from < end; ) {
    const batch = await bus.read(of, partition, from, limits);
    records.push(...batch);
    from = (batch.at(-1)?.position ?? end) + 1;
  }
  return records;
}

/** Numbered texts, spread over the partitions in turn. */
export function everyPartition(count: number, prefix = ''): OutgoingRecord[] {
  return Array.from({ length: count }, (_, n) => record(n % partitions, `${prefix}${n}`));
}
