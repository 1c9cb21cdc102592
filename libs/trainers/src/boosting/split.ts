import type { ColumnBins } from './binning.js';
import type { Histogram } from './histogram.js';
import { setWords } from './tree.js';

export interface SplitRules {
  /** L2 penalty on a leaf's value. */
  readonly l2: number;
  readonly minRows: number;
  /** Least sum of hessians in a child. */
  readonly minHessian: number;
  readonly minGain: number;
  /** Pulls the gradient ratio of a category towards 0 before the categories are sorted, and is the least rows to take part. */
  readonly categorySmoothing: number;
  /** Added to `l2` in splits of many categories against many. */
  readonly categoryL2: number;
  /** At most so many categories on the side that is named. */
  readonly categoryLimit: number;
}

/** Sums of one leaf in integer steps, its rows, and what a step is worth. */
export interface LeafSums {
  gradient: number;
  hessian: number;
  rows: number;
  gradientStep: number;
  hessianStep: number;
}

/** With so few categories each is tried against the rest; with more they are sorted (LightGBM's max_cat_to_onehot). */
const oneAgainstRest = 4;

/**
 * Finds a leaf's best split: for numbers a threshold with the better side for missing values, for categories a subset by
 * sorted gradient statistics (Fisher 1958; Ke et al., "LightGBM", 2017). The result stays in the public fields until the
 * next call; `gain` is 0 where nothing is gained.
 */
export class SplitFinder {
  gain = 0;
  feature = -1;
  leftGradient = 0;
  leftHessian = 0;
  readonly set = new Uint32Array(setWords);

  private readonly order = new Uint8Array(256);
  private readonly keys = new Float64Array(256);
  private histogram: Histogram | undefined;
  private gradientSquare = 0;
  private hessianStep = 0;
  private total: LeafSums = { gradient: 0, hessian: 0, rows: 0, gradientStep: 0, hessianStep: 0 };
  private leastHessian = 0;
  /** What a split must reach before it gains anything: the parent's own score and the least gain. */
  private floor = 0;

  private readonly columns: readonly ColumnBins[];
  private readonly offsets: Int32Array;
  private readonly rules: SplitRules;

  constructor(columns: readonly ColumnBins[], offsets: Int32Array, rules: SplitRules) {
    this.columns = columns;
    this.offsets = offsets;
    this.rules = rules;
  }

  /**
   * Searches the features that `allowed` marks. A child's rows are estimated from its share of the hessian, as LightGBM
   * does; `minRows` is the bound on that estimate.
   */
  find(histogram: Histogram, total: LeafSums, allowed: Uint8Array, minRows: number): void {
    this.gain = 0;
    this.feature = -1;
    if (total.hessian <= 0 || total.gradientStep === 0) return;
    this.histogram = histogram;
    this.total = total;
    this.gradientSquare = total.gradientStep * total.gradientStep;
    this.hessianStep = total.hessianStep;
    this.leastHessian = Math.max(
      this.rules.minHessian / total.hessianStep,
      ((minRows - 0.5) * total.hessian) / total.rows,
    );
    this.floor = this.score(total.gradient, total.hessian, this.rules.l2) + this.rules.minGain + 1e-12;
    for (let feature = 0; feature < this.columns.length; feature++) {
      if (allowed[feature] === 0) continue;
      const column = this.columns[feature]!;
      if (column.count < 2) continue;
      if (column.kind === 'number') this.searchNumber(feature, column.count, histogram);
      else if (column.count - 1 <= oneAgainstRest) this.searchSingles(feature, column.count, histogram);
      else this.searchSubsets(feature, column.count, histogram);
    }
  }

  private score(gradient: number, hessian: number, l2: number): number {
    return (gradient * gradient * this.gradientSquare) / (hessian * this.hessianStep + l2);
  }

  private searchNumber(feature: number, count: number, { gradient, hessian }: Histogram): void {
    const { gradientSquare, hessianStep, leastHessian } = this;
    const { l2 } = this.rules;
    const allGradient = this.total.gradient;
    const allHessian = this.total.hessian;
    const offset = this.offsets[feature]!;
    const lostGradient = gradient[offset]!;
    const lostHessian = hessian[offset]!;
    let best = this.floor + this.gain;
    let threshold = 0;
    let missingLeft = false;
    let leftGradient = 0;
    let leftHessian = 0;
    // The last bin is a threshold only for missing values against all others.
    const last = lostHessian > 0 ? count : count - 1;
    for (let bin = 1; bin < last; bin++) {
      const added = hessian[offset + bin]!;
      if (added === 0) continue;
      leftGradient += gradient[offset + bin]!;
      leftHessian += added;
      const rightHessian = allHessian - leftHessian;
      if (leftHessian >= leastHessian && rightHessian >= leastHessian) {
        const rightGradient = allGradient - leftGradient;
        const gain =
          (leftGradient * leftGradient * gradientSquare) / (leftHessian * hessianStep + l2) +
          (rightGradient * rightGradient * gradientSquare) / (rightHessian * hessianStep + l2);
        if (gain > best) {
          best = gain;
          threshold = bin;
          missingLeft = false;
        }
      }
      if (lostHessian === 0) continue;
      const withLost = leftHessian + lostHessian;
      const without = allHessian - withLost;
      if (withLost < leastHessian || without < leastHessian) continue;
      const a = leftGradient + lostGradient;
      const b = allGradient - a;
      const gain =
        (a * a * gradientSquare) / (withLost * hessianStep + l2) +
        (b * b * gradientSquare) / (without * hessianStep + l2);
      if (gain > best) {
        best = gain;
        threshold = bin;
        missingLeft = true;
      }
    }
    if (threshold > 0) this.takeThreshold(feature, threshold, missingLeft, best);
  }

  private takeThreshold(feature: number, threshold: number, missingLeft: boolean, best: number): void {
    this.take(feature, best);
    for (let bin = 1; bin <= threshold; bin++) this.addToSet(feature, bin);
    if (missingLeft) this.addToSet(feature, 0);
    this.placeUnseen(feature);
  }

  /** One category against all others. */
  private searchSingles(feature: number, count: number, { gradient, hessian }: Histogram): void {
    const { l2 } = this.rules;
    const offset = this.offsets[feature]!;
    let best = this.floor + this.gain;
    let single = -1;
    for (let bin = 0; bin < count; bin++) {
      const left = hessian[offset + bin]!;
      const right = this.total.hessian - left;
      if (left < this.leastHessian || right < this.leastHessian) continue;
      const g = gradient[offset + bin]!;
      const gain = this.score(g, left, l2) + this.score(this.total.gradient - g, right, l2);
      if (gain > best) {
        best = gain;
        single = bin;
      }
    }
    if (single < 0) return;
    this.take(feature, best);
    this.addToSet(feature, single);
    this.placeUnseen(feature);
  }

  /** Prefixes, from either end, of the categories sorted by smoothed gradient ratio. */
  private searchSubsets(feature: number, count: number, histogram: Histogram): void {
    const used = this.sortCategories(feature, count, histogram);
    const { gradient, hessian } = histogram;
    const l2 = this.rules.l2 + this.rules.categoryL2;
    const offset = this.offsets[feature]!;
    const limit = Math.min(this.rules.categoryLimit, (used + 1) >> 1);
    let best = this.floor + this.gain;
    let taken = 0;
    let fromEnd = false;
    for (let direction = 0; direction < 2; direction++) {
      let leftGradient = 0;
      let leftHessian = 0;
      for (let i = 0; i < limit; i++) {
        const bin = this.order[direction === 0 ? i : used - 1 - i]!;
        leftGradient += gradient[offset + bin]!;
        leftHessian += hessian[offset + bin]!;
        const rightHessian = this.total.hessian - leftHessian;
        if (leftHessian < this.leastHessian || rightHessian < this.leastHessian) continue;
        const gain =
          this.score(leftGradient, leftHessian, l2) + this.score(this.total.gradient - leftGradient, rightHessian, l2);
        if (gain > best) {
          best = gain;
          taken = i + 1;
          fromEnd = direction === 1;
        }
      }
    }
    if (taken === 0) return;
    this.take(feature, best);
    for (let i = 0; i < taken; i++) this.addToSet(feature, this.order[fromEnd ? used - 1 - i : i]!);
    this.placeUnseen(feature);
  }

  /** Fills `order` with the categories that have rows enough, by ascending ratio; insertion keeps equal ones in order. */
  private sortCategories(feature: number, count: number, { gradient, hessian }: Histogram): number {
    const { keys, order, hessianStep } = this;
    const { categorySmoothing } = this.rules;
    const offset = this.offsets[feature]!;
    const least = (categorySmoothing * this.total.hessian) / this.total.rows;
    let used = 0;
    for (let bin = 0; bin < count; bin++) {
      const weight = hessian[offset + bin]!;
      if (weight < least || weight === 0) continue;
      const key = (gradient[offset + bin]! * this.total.gradientStep) / (weight * hessianStep + categorySmoothing);
      let at = used++;
      while (at > 0 && keys[at - 1]! > key) {
        keys[at] = keys[at - 1]!;
        order[at] = order[at - 1]!;
        at--;
      }
      keys[at] = key;
      order[at] = bin;
    }
    return used;
  }

  private take(feature: number, best: number): void {
    this.gain = best - this.floor;
    this.feature = feature;
    this.leftGradient = 0;
    this.leftHessian = 0;
    this.set.fill(0);
  }

  private addToSet(feature: number, bin: number): void {
    const at = this.offsets[feature]! + bin;
    this.set[bin >> 5] = this.set[bin >> 5]! | (1 << (bin & 31));
    this.leftGradient += this.histogram?.gradient[at] ?? 0;
    this.leftHessian += this.histogram?.hessian[at] ?? 0;
  }

  /** Missing values that this leaf has not seen go where most rows go. */
  private placeUnseen(feature: number): void {
    const unseen = (this.histogram?.hessian[this.offsets[feature]!] ?? 0) === 0;
    if (unseen && 2 * this.leftHessian > this.total.hessian) this.set[0] = this.set[0]! | 1;
  }
}
