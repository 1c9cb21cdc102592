import type { Dataset } from '@relearn/features';

/** A candidate's model, ready to score. */
export interface OpenedModel {
  readonly inputNames: readonly string[];
  /** Predictions of all rows, row-major, as doubles. */
  score(dataset: Dataset): Promise<Float64Array>;
}

export type OpenModel = (onnx: Uint8Array) => Promise<OpenedModel>;
