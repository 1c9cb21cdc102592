import { RelearnError } from '@relearn/kernel';
import { type ClassCounts, ClassCounter, classMetric, emptyClasses, mergeClasses } from './class-counts.js';
import { emptyErrors, ErrorCounter, errorMetric, type ErrorSums, mergeErrors } from './error-sums.js';
import { emptyScores, mergeScores, ScoreCounter, type ScoreCounts, scoreMetric } from './score-counts.js';

/** Realised performance of a window, by task: plain JSON that merges exactly in any order and partition. */
export type PerformanceCounts = ScoreCounts | ClassCounts | ErrorSums;
export type PerformanceCounter = ScoreCounter | ClassCounter | ErrorCounter;

/** The performance of no rows; a multiclass task needs its number of classes. */
export function emptyPerformance(task: 'binary' | 'regression'): PerformanceCounts;
export function emptyPerformance(task: PerformanceCounts['task'], classes: number): PerformanceCounts;
export function emptyPerformance(task: PerformanceCounts['task'], classes = 0): PerformanceCounts {
  if (task === 'binary') return emptyScores;
  return task === 'regression' ? emptyErrors : emptyClasses(classes);
}

/** A counter that goes on from what is given. */
export function performanceCounter(start: PerformanceCounts): PerformanceCounter {
  switch (start.task) {
    case 'binary':
      return new ScoreCounter(start);
    case 'multiclass':
      return new ClassCounter(start);
    case 'regression':
      return new ErrorCounter(start);
  }
}

/** Both together; throws INVALID_INPUT when the tasks differ. */
export function mergePerformance(a: PerformanceCounts, b: PerformanceCounts): PerformanceCounts {
  if (a.task === 'binary' && b.task === 'binary') return mergeScores(a, b);
  if (a.task === 'multiclass' && b.task === 'multiclass') return mergeClasses(a, b);
  if (a.task === 'regression' && b.task === 'regression') return mergeErrors(a, b);
  throw new RelearnError('INVALID_INPUT', `performance of a ${a.task} task meets that of a ${b.task} one`);
}

/** Labelled rows that count. */
export function performanceRows(of: PerformanceCounts): number {
  const total = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
  if (of.task === 'regression') return of.rows;
  return of.task === 'binary' ? total(of.negatives) + total(of.positives) : total(of.cells);
}

/** A metric by its name in `metrics`; null where it is not computable, never NaN. */
export function performanceMetric(name: string, of: PerformanceCounts): number | null {
  switch (of.task) {
    case 'binary':
      return scoreMetric(name, of);
    case 'multiclass':
      return classMetric(name, of);
    case 'regression':
      return errorMetric(name, of);
  }
}
