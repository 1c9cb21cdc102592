export { categoricalDriftMethods } from './drift/categorical.js';
export { type KsMode, type KsResult, ksStatistic, ksTwoSample } from './drift/ks.js';
export {
  type CategoricalDriftMethod,
  type CategoryCounts,
  countCategories,
  type DriftMethod,
  type DriftOptions,
  type NumericDriftMethod,
} from './drift/method.js';
export { numericDriftMethods } from './drift/numeric.js';
export { driftMethod, driftMethods } from './drift/registry.js';
export type { DriftResult, DriftRule, DriftState } from './drift/result.js';
export { wassersteinDistance } from './drift/wasserstein.js';
export { type BinOptions, type BinRule, histogramCounts, histogramEdges } from './histogram.js';
export {
  type Average,
  accuracyOf,
  balancedAccuracyOf,
  type Confusion,
  confusion,
  f1Of,
  precisionOf,
  recallOf,
} from './metrics/confusion.js';
export { type MetricInput, predictedClasses, type Task, type Weighted } from './metrics/input.js';
export { defaultMetric, type Metric, metricOf, metrics } from './metrics/registry.js';
export {
  type BootstrapOptions,
  bootstrapDifference,
  type PairedBootstrap,
  type PairedInput,
  pairedBootstrap,
} from './paired/bootstrap.js';
export {
  discordant,
  type ExactMcNemarResult,
  type McNemarResult,
  mcnemarChiSquare,
  mcnemarExact,
} from './paired/mcnemar.js';
export { type BinnedDriftMethod, binnedDrift, binnedDriftMethods } from './profile/binned-drift.js';
export { type ClassCounts, ClassCounter, emptyClasses } from './profile/class-counts.js';
export { emptyErrors, ErrorCounter, type ErrorSums } from './profile/error-sums.js';
export { addTotals, ExactSum, type ExactTotal, valueOf } from './profile/exact-sum.js';
export {
  emptyPerformance,
  mergePerformance,
  type PerformanceCounter,
  type PerformanceCounts,
  performanceCounter,
  performanceMetric,
  performanceRows,
} from './profile/performance.js';
export {
  type CategoricalReference,
  type Cell,
  type ColumnReference,
  type ColumnValues,
  type NumericReference,
  type ReferenceProfile,
  referenceProfile,
} from './profile/reference.js';
export { emptyScores, SCORE_BINS, ScoreCounter, type ScoreCounts } from './profile/score-counts.js';
export { ColumnCounter, countsOf, emptyCounts, mergeCounts, type WindowCounts } from './profile/window-counts.js';
export { mean, quantileSorted, quantiles, standardDeviation } from './quantile.js';
export { betaCdf, binomialCdf } from './special/beta.js';
export {
  chiSquareCdf,
  chiSquareSf,
  erf,
  erfc,
  gammaP,
  gammaQ,
  logGamma,
  normalCdf,
  normalSf,
} from './special/gamma.js';
export { kolmogorovSf, kstwoSf } from './special/kolmogorov.js';
export { evidenceAbove } from './sequential/betting.js';
export {
  type Answer,
  isBroken,
  type LossCounts,
  lossDifference,
  lossLevels,
  PairedLosses,
  sameAnswer,
} from './sequential/paired-losses.js';
