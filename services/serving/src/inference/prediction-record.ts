import type { AnsweringArm } from '@relearn/contracts';
import type { JobTimings } from './batcher.js';
import type { NamedTensor } from './tensors.js';

export type Parameter = boolean | number | bigint | string;

/** One request, as the prediction log sees it before its answer leaves, or once it has failed or been mirrored. */
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
  /** Of the trace that the request is a part of, where that is kept. */
  readonly traceId?: string | undefined;
  readonly inputs: readonly NamedTensor[];
  readonly outputs: readonly NamedTensor[];
  /** As what the model answered, or was to. */
  readonly arm: AnsweringArm;
  /** The model that was rolled out meanwhile and on which this tells. */
  readonly challenger?: number;
  /** With what it failed; there are no outputs then. */
  readonly failure?: string;
  /** Of a request that another arm has answered: that arm's answer. */
  readonly answered?: AnsweredArm;
}

export interface AnsweredArm {
  readonly arm: AnsweringArm;
  readonly version: string;
  readonly computeMs: number;
  readonly outputs: readonly NamedTensor[];
}

/**
 * Takes all records of one run, at once and synchronously: one write a batch. What it throws (RESOURCE_EXHAUSTED when
 * the spool is full) is the answer of every request of the run. Inputs are the requests': what is to stay of them is copied.
 */
export type PredictionLog = (records: readonly PredictionRecord[]) => void;
