import type { ErrorCode, Kernel } from '@relearn/kernel';
import { expect } from 'vitest';
import type { Bus, OutgoingRecord, PartitionReader, ReadLimits, StoredRecord } from '../port.js';

export interface BusUnderTest {
  readonly bus: Bus;
  readonly kernel: Kernel;
  /** Closes the bus and opens another one on what it left; absent when nothing survives. */
  readonly reopen?: () => Promise<Bus>;
  readonly close: () => Promise<void>;
}

export type BusFactory = () => Promise<BusUnderTest>;

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
