import type { JobAnswer } from '../batcher.js';
import type { PredictionRecord } from '../prediction-record.js';
import type { Choice, Trial } from '../rollout.js';
import type { NamedTensor } from '../tensors.js';
import type { ServedModel } from '../catalogue.js';
import type { CheckedRequest } from './check.js';
import type { InferRequest } from './request.js';

/** What the prediction log is told of a request. */
export interface Told {
  readonly request: InferRequest;
  readonly choice: Choice;
  readonly eventIds: readonly (string | null)[];
  /** Wall time of arrival, ms since 1970 UTC. */
  readonly receivedAt: number;
  readonly traceId?: string | undefined;
}

export function answeredRecord(
  { request, choice, eventIds, receivedAt, traceId }: Told,
  answer: JobAnswer,
): PredictionRecord {
  const { model, checked, arm, trial } = choice;
  // Written out: to spread one object into another takes V8 microseconds, and each request comes through here.
  const record = {
    model: model.name,
    version: model.version,
    id: request.id,
    parameters: request.parameters,
    rows: checked.rows,
    inputs: inputsOf(model, checked, answer),
    eventIds,
    receivedAt,
    timings: answer.timings,
    traceId,
    outputs: outputsOf(model, checked, answer),
    arm,
  };
  return trial === undefined ? record : Object.assign(record, { challenger: trial.challenger });
}

/** A request that got no answer. */
export function failedRecord(told: Told, code: string, waitedMs: number): PredictionRecord {
  const answer = { outputs: [], timings: { queueMs: waitedMs, computeMs: 0, batchRows: told.choice.checked.rows } };
  const eventIds = told.eventIds.map(() => null);
  return { ...answeredRecord({ ...told, eventIds }, answer), outputs: [], failure: code };
}

/** A trial in which the other model runs the inputs too. */
export interface Mirroring extends Trial {
  readonly mirror: NonNullable<Trial['mirror']>;
}

/** The run of an answered request's inputs on the other model: `mirrored` is its answer, or the code with which it failed. */
export function mirroredRecord(
  { request, choice, receivedAt }: Told,
  { challenger, mirror }: Mirroring,
  answer: JobAnswer,
  mirrored: JobAnswer | string,
): PredictionRecord {
  const eventIds = Array.from({ length: mirror.checked.rows }, () => null);
  const told: Told = { request, choice: mirror, eventIds, receivedAt };
  const record = typeof mirrored === 'string' ? failedRecord(told, mirrored, 0) : answeredRecord(told, mirrored);
  return {
    ...record,
    challenger,
    answered: {
      arm: choice.arm,
      version: choice.model.version,
      computeMs: answer.timings.computeMs,
      outputs: outputsOf(choice.model, choice.checked, answer),
    },
  };
}

function inputsOf(
  { signature }: ServedModel,
  { inputs }: CheckedRequest,
  { digests }: Pick<JobAnswer, 'digests'>,
): NamedTensor[] {
  return signature.inputs.map((spec, index) => {
    const tensor = inputs[index] ?? emptyTensor;
    const known = digests?.[index];
    return { spec, tensor: known === undefined ? tensor : { ...tensor, digests: known } };
  });
}

function outputsOf({ signature }: ServedModel, { outputs }: CheckedRequest, answer: JobAnswer): NamedTensor[] {
  const named: NamedTensor[] = [];
  for (const [index, at] of outputs.entries()) {
    const spec = signature.outputs[at];
    if (spec !== undefined) named.push({ spec, tensor: answer.outputs[index] ?? emptyTensor });
  }
  return named;
}

const emptyTensor = { shape: [0], bytes: new Uint8Array() };
