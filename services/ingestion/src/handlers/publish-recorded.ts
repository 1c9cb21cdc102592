import { RelearnError, retry } from '@relearn/kernel';
import type { AppliedPipeline, Ports } from '@relearn/runtime';
import { clockRecord } from '../domain/raw-record.js';
import type { RecordedBatch } from '../recorded/recorded-log.js';
import { RawWriter } from './raw-writer.js';

/** One writer a process: it numbers the events. */
const writers = new WeakMap<Ports, RawWriter>();

export function rawWriterOf(ports: Ports): RawWriter {
  let writer = writers.get(ports);
  if (writer === undefined) {
    writer = new RawWriter(ports);
    writers.set(ports, writer);
  }
  return writer;
}

/** The pipeline's newest version. Throws NOT_FOUND. */
export function latestOf(ports: Ports, pipeline: string): AppliedPipeline {
  const applied = ports.catalog.latest(pipeline);
  if (applied !== undefined) return applied;
  throw new RelearnError('NOT_FOUND', `there is no pipeline '${pipeline}'`);
}

const attempts = 8;

/**
 * Writes recorded data to `data.raw`, stamped with the pipeline's newest version; resolves when it is durable. Tries
 * again while the bus is away, for some ten seconds; what is then written twice is a duplicate to validation.
 * Throws NOT_FOUND for an unknown pipeline.
 */
export async function publishRecorded(
  ports: Ports,
  pipeline: string,
  batch: RecordedBatch,
  signal?: AbortSignal,
): Promise<void> {
  const applied = latestOf(ports, pipeline);
  const { clock, chance } = ports.kernel;
  await retry({ clock, chance, attempts, ...(signal === undefined ? {} : { signal }) }, () =>
    rawWriterOf(ports).write({ pipeline, applied, records: batch.records }),
  );
}

/**
 * Writes a marker of business time `now` (ms) to every shard of the pipeline, with a subject that says whose clock it is.
 * Throws NOT_FOUND for an unknown pipeline.
 */
export async function publishClock(ports: Ports, pipeline: string, now: number, subject?: string): Promise<void> {
  const applied = latestOf(ports, pipeline);
  await rawWriterOf(ports).write({
    pipeline,
    applied,
    records: [clockRecord(now)],
    time: now,
    ...(subject === undefined ? {} : { subject }),
  });
}
