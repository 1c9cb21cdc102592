import { type CandidateSpec, type PipelineSpec, splitParameters } from '@relearn/contracts';
import { type Dataset, splitDataset } from '@relearn/features';
import { RelearnError } from '@relearn/kernel';
import type { JobContext } from '@relearn/runtime/workers';
import { metricOf } from '@relearn/stats';
import { type ModelSignature, signature, trainers } from '@relearn/trainers';

export interface TrainInput {
  readonly spec: PipelineSpec;
  readonly dataset: Dataset;
  readonly candidate: CandidateSpec;
  readonly seed: number;
}

export interface TrainOutput {
  readonly onnx: Uint8Array;
  readonly signature: ModelSignature;
  /** Validation metrics by name, and the trainer's own losses. */
  readonly metrics: Record<string, number | null>;
  readonly info: Record<string, unknown>;
}

/** Worker job: fits one candidate and measures it on the validation rows. Never sees the hold-out. */
export function run({ spec, dataset, candidate, seed }: TrainInput, context: JobContext): TrainOutput {
  const trainer = trainers[candidate.trainer];
  if (trainer === undefined) throw new RelearnError('INVALID_PIPELINE', `no trainer '${candidate.trainer}'`);
  const { recent, own } = splitParameters(candidate.parameters);
  const { train, valid } = splitDataset(dataset, spec.train.hold_out, spec.train.validation, recent);
  const { task } = spec.train;
  const { classes } = spec.label;
  const model = trainer.train({
    task,
    classes,
    train: { rows: train.rows, columns: train.columns },
    trainLabels: train.labels,
    valid: { rows: valid.rows, columns: valid.columns },
    validLabels: valid.labels,
    parameters: own,
    seed,
    onProgress: (done, total) => context.progress({ candidate: candidate.name, done, total }),
    cancelled: () => context.cancelled(),
  });
  const prediction = model.predict({ rows: valid.rows, columns: valid.columns });
  const metrics: Record<string, number | null> = { ...model.metrics };
  for (const { name } of spec.evaluate.metrics) {
    metrics[name] = metricOf(name).compute({
      truth: valid.labels,
      prediction,
      ...(task === 'multiclass' ? { classes: classes.length } : {}),
    });
  }
  return { onnx: model.onnx, signature: signature(train, task, classes), metrics, info: model.info };
}
