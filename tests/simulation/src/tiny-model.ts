import type { CandidateSpec, PipelineSpec } from '@relearn/contracts';
import { type Dataset, splitDataset } from '@relearn/features';
import { type ModelSignature, signature } from '@relearn/trainers';

/** A model of one number: which half of a column's values is true more often. Its bytes are its JSON. */
export interface TinyModel {
  readonly column: string;
  readonly middle: number;
  /** Share of true labels below and above the middle. */
  readonly below: number;
  readonly above: number;
  readonly signature: ModelSignature;
}

const text = new TextEncoder();
const utf8 = new TextDecoder();

export function decodeModel(bytes: Uint8Array): TinyModel {
  return JSON.parse(utf8.decode(bytes)) as TinyModel;
}

export function probability(model: TinyModel, value: number): number {
  return Math.fround(value < model.middle ? model.below : model.above);
}

export interface TrainInput {
  readonly spec: PipelineSpec;
  readonly dataset: Dataset;
  readonly candidate: CandidateSpec;
  readonly seed: number;
}

/** Fits it to the training rows, the way that the training service's own job does. */
export function trainTiny({ spec, dataset, seed }: TrainInput) {
  const { train } = splitDataset(dataset, spec.train.hold_out, spec.train.validation);
  const column = train.columns.find(({ kind }) => kind === 'number');
  if (column?.kind !== 'number') throw new Error('a column of numbers is needed');
  const shares = [0, 1].map((side) => {
    let rows = 1;
    let yes = 0.5;
    column.values.forEach((value, row) => {
      if ((value < 0.5 ? 0 : 1) !== side) return;
      rows += 1;
      yes += train.labels[row] ?? 0;
    });
    return yes / rows;
  });
  const [below = 0, above = 0] = shares;
  const shape = signature(train, spec.train.task, spec.label.classes);
  const model: TinyModel = { column: column.name, middle: 0.5, below, above, signature: shape };
  return {
    onnx: text.encode(JSON.stringify({ ...model, seed })),
    signature: shape,
    metrics: { [spec.evaluate.metrics[0]?.name ?? '']: Math.abs(above - below) },
    info: { rows: train.rows },
  };
}

/** Predictions of all rows. */
export function scoreTiny(bytes: Uint8Array, dataset: Dataset): Float64Array {
  const model = decodeModel(bytes);
  const column = dataset.columns.find(({ name }) => name === model.column);
  const values = column?.kind === 'number' ? column.values : new Float64Array(dataset.rows);
  return Float64Array.from(values, (value) => probability(model, value));
}
