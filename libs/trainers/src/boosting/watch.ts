import { repeat, scoresToPredictions, validationLoss } from '../loss.js';
import type { TrainingInput } from '../trainer.js';
import { applyBins, type ColumnBins } from './binning.js';
import { addTree, type Tree } from './tree.js';

/**
 * Follows the validation loss, round by round, and says when to stop. Round 0 is the prior alone. Without validation
 * rows or patience the last round counts as the best.
 */
export class Watch {
  readonly losses: number[] = [];
  bestIteration = 0;
  bestLoss = Infinity;
  stopped = false;
  /** The training rows' scores at the best round. */
  bestTrainScores: Float64Array;
  private readonly early: boolean;
  private readonly width: number;
  private readonly binned: Uint8Array[];
  private readonly scores: Float64Array;
  private readonly predictions: Float64Array;
  private readonly input: TrainingInput;
  private readonly trainScores: Float64Array;
  private readonly patience: number;

  /** `trainScores` are the live scores that boosting adds to. */
  constructor(
    input: TrainingInput,
    columns: readonly ColumnBins[],
    prior: Float64Array,
    trainScores: Float64Array,
    patience: number,
  ) {
    this.input = input;
    this.trainScores = trainScores;
    this.patience = patience;
    this.width = prior.length;
    this.early = patience > 0 && input.valid.rows > 0;
    this.bestTrainScores = this.early ? new Float64Array(trainScores.length) : trainScores;
    this.binned = applyBins(columns, input.valid);
    this.scores = repeat(prior, input.valid.rows);
    this.predictions = new Float64Array(this.scores.length);
    this.judge(0);
  }

  addTree(tree: Tree, output: number): void {
    if (this.scores.length > 0) addTree(tree, this.binned, this.scores, this.width, output);
  }

  judge(iteration: number): void {
    const loss = this.loss();
    if (this.early && !(loss < this.bestLoss)) {
      if (iteration - this.bestIteration >= this.patience) this.stopped = true;
      return;
    }
    this.bestLoss = loss;
    this.bestIteration = iteration;
    if (this.early) this.bestTrainScores.set(this.trainScores);
  }

  private loss(): number {
    if (this.scores.length === 0) return Infinity;
    const { task, validLabels } = this.input;
    this.predictions.set(this.scores);
    const loss = validationLoss(task, scoresToPredictions(task, this.predictions, this.width), validLabels);
    this.losses.push(loss);
    return loss;
  }
}
