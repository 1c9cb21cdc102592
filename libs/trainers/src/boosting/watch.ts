import { scoresToPredictions, validationLoss } from '../loss.js';
import type { TrainingInput } from '../trainer.js';
import { applyBins, type ColumnBins } from './binning.js';
import { addTree, type Tree } from './tree.js';

/** Follows the validation loss, round by round, and says when to stop. Round 0 is the prior alone. */
export class Watch {
  /** False where there are no validation rows or early stopping is off: then every round is kept. */
  readonly active: boolean;
  readonly losses: number[] = [];
  bestIteration = 0;
  bestLoss = Infinity;
  stopped = false;
  private readonly binned: Uint8Array[];
  private readonly scores: Float64Array;
  private readonly predictions: Float64Array;

  private readonly input: TrainingInput;
  private readonly width: number;
  private readonly patience: number;

  constructor(
    input: TrainingInput,
    columns: readonly ColumnBins[],
    prior: Float64Array,
    width: number,
    patience: number,
  ) {
    this.input = input;
    this.width = width;
    this.patience = patience;
    this.active = patience > 0 && input.valid.rows > 0;
    this.binned = applyBins(columns, input.valid);
    this.scores = repeat(prior, input.valid.rows);
    this.predictions = new Float64Array(this.scores.length);
    this.judge(0);
  }

  addTree(tree: Tree, output: number): void {
    if (this.input.valid.rows > 0) addTree(tree, this.binned, this.scores, this.width, output);
  }

  judge(iteration: number): void {
    const { task, valid, validLabels } = this.input;
    if (valid.rows === 0) return;
    this.predictions.set(this.scores);
    const loss = validationLoss(task, scoresToPredictions(task, this.predictions, this.width), validLabels);
    this.losses.push(loss);
    if (!this.active || loss < this.bestLoss) {
      this.bestLoss = loss;
      this.bestIteration = iteration;
    } else if (iteration - this.bestIteration >= this.patience) this.stopped = true;
  }
}

/** Row-major scores that are the same for every row. */
export function repeat(prior: Float64Array, rows: number): Float64Array {
  const width = prior.length;
  const scores = new Float64Array(rows * width);
  for (let i = 0; i < scores.length; i++) scores[i] = prior[i % width]!;
  return scores;
}
