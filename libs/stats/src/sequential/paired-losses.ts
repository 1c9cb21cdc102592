/** A model's answer for a row: the second class's probability, one probability a class, or a value. */
export type Answer = number | readonly number[];

/** Differences of losses on a grid of 1/50: `counts[i]` rows had the difference `levels[i] / 50`. */
export interface LossCounts {
  readonly levels: readonly number[];
  readonly counts: readonly number[];
}

/** Steps of the grid between losses that differ by 1. */
export const lossLevels = 50;

/**
 * How much worse `one` says what is true than `other`, from -1 to 1. Of classes (`truth` is a class's index): the difference
 * of their Brier scores, halved for more than two. Of values: (|e1| - |e2|) / (|e1| + |e2|), errors against each other.
 * An answer that is no number is the worst.
 */
export function lossDifference(isClass: boolean, truth: number, one: Answer, other: Answer): number {
  const [broken, otherBroken] = [isBroken(one), isBroken(other)];
  if (broken || otherBroken) return Number(broken) - Number(otherBroken);
  if (isClass) return brier(truth, one) - brier(truth, other);
  const [error, otherError] = [Math.abs(Number(one) - truth), Math.abs(Number(other) - truth)];
  return error + otherError === 0 ? 0 : (error - otherError) / (error + otherError);
}

/** Whether two models say the same: the same class; values that differ by at most a tenth of the larger. */
export function sameAnswer(isClass: boolean, one: Answer, other: Answer): boolean {
  if (isBroken(one) || isBroken(other)) return false;
  if (isClass) return classOf(one) === classOf(other);
  const [a, b] = [Number(one), Number(other)];
  return Math.abs(a - b) <= 0.1 * Math.max(Math.abs(a), Math.abs(b));
}

export function isBroken(answer: Answer): boolean {
  return typeof answer === 'number' ? !Number.isFinite(answer) : !answer.every(Number.isFinite);
}

function brier(truth: number, answer: Answer): number {
  if (typeof answer === 'number') return (answer - truth) ** 2;
  return answer.reduce((sum, probability, index) => sum + (probability - Number(index === truth)) ** 2, 0) / 2;
}

function classOf(answer: Answer): number {
  return typeof answer === 'number' ? Number(answer >= 0.5) : answer.indexOf(Math.max(...answer));
}

/** Counts rows by the difference of two models' losses, rounded down: what is lost in rounding never speaks against `one`. */
export class PairedLosses {
  private readonly byLevel: Map<number, number>;

  constructor(saved: LossCounts = { levels: [], counts: [] }) {
    this.byLevel = new Map(saved.levels.map((level, index) => [level, saved.counts[index] ?? 0]));
  }

  add(difference: number): void {
    this.put(Math.floor(difference * lossLevels), 1);
  }

  merge({ levels, counts }: LossCounts): void {
    levels.forEach((level, index) => this.put(level, counts[index] ?? 0));
  }

  snapshot(): LossCounts {
    const entries = [...this.byLevel].sort(([a], [b]) => a - b);
    return { levels: entries.map(([level]) => level), counts: entries.map(([, count]) => count) };
  }

  private put(level: number, count: number): void {
    this.byLevel.set(level, (this.byLevel.get(level) ?? 0) + count);
  }
}
