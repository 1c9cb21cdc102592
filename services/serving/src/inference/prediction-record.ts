import type { JobTimings } from './batcher.js';
import type { TensorValues } from './values.js';

export type Parameter = boolean | number | bigint | string;

/** One answered request, as the prediction log sees it before the answer leaves. */
export interface PredictionRecord {
  readonly model: string;
  readonly version: string;
  /** The request's `id`; empty where it has none. */
  readonly id: string;
  /** The raw event's id of each row, null where the request names none. */
  readonly eventIds: readonly (string | null)[];
  readonly parameters: Readonly<Record<string, Parameter>>;
  readonly rows: number;
  /** Wall time of arrival, milliseconds since 1970 UTC. */
  readonly receivedAt: number;
  readonly timings: JobTimings;
  /** Values are read from the raw tensors when asked for. */
  readonly inputs: () => readonly TensorValues[];
  readonly outputs: () => readonly TensorValues[];
}

/**
 * Takes all records of one run, at once and synchronously: one write a batch. What it throws (RESOURCE_EXHAUSTED when
 * the spool is full) is the answer of every request of the run.
 */
export type PredictionLog = (records: readonly PredictionRecord[]) => void;
