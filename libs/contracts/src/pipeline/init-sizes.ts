const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** Lengths of windows that people think in. */
const windows = [
  ...[1, 2, 5, 10, 30].map((s) => s * 1000),
  ...[1, 2, 5, 10, 15, 30].map((m) => m * minute),
  ...[1, 2, 3, 4, 6, 8, 12].map((h) => h * hour),
  ...[1, 2, 3, 5, 7, 14, 28, 60, 90, 180, 365, 730, 1825, 3650].map((d) => d * day),
];
const wantedWindows = 50;

/** The window of which the span of the data holds 20 to 100, as near to 50 as a common length allows; a day for no span. */
export function windowFor(spanMs: number): number {
  if (spanMs <= 0) return day;
  const farness = (window: number) => Math.abs(Math.log(spanMs / window / wantedWindows));
  return windows.reduce((best, window) => (farness(window) < farness(best) ? window : best));
}

export interface Sizes {
  readonly window: number;
  readonly minimumRows: number;
  /** How far back rows are trained on; null: all. */
  readonly trainWindow: number | null;
  /** Labels in the windows of monitor.performance.windows below which nothing is concluded. */
  readonly performanceLabels: number;
  /** New labels below which nothing is retrained. */
  readonly retrainLabels: number;
  readonly cooldown: number;
  /** In which the budget of retrains is counted: a year where the window is a week. */
  readonly budgetPer: number;
}

/** Sizes that let a table of a hundred rows run the whole loop and keep one of millions from chasing noise. */
export function sizesFor(labelled: number, spanMs: number, performanceWindows: number): Sizes {
  const window = windowFor(spanMs);
  const inWindows = labelled * Math.min(1, (performanceWindows * window) / Math.max(spanMs, window));
  return {
    window,
    trainWindow: trainWindowFor(labelled, spanMs, window),
    minimumRows: labelled < 100 ? Math.max(10, Math.floor(labelled / 2)) : clamp(labelled / 5, 50, 50_000),
    performanceLabels: clamp(inWindows / 2, 20, 2000),
    retrainLabels: clamp(labelled / 20, 20, 2000),
    cooldown: 2 * window,
    budgetPer: 52 * window,
  };
}

/** As far as it gives so many rows, where the history is much longer than that. */
const trainedRows = 1000;
const leastTrainWindows = 15;

/**
 * After a change the hold-out and validation, shares of all rows, must have passed it before the new can be learned: of a
 * long history these are long. Null where the history has hardly more rows than a model needs.
 */
function trainWindowFor(labelled: number, spanMs: number, window: number): number | null {
  const windows = Math.max(1, spanMs / window);
  const wanted = Math.max(leastTrainWindows, Math.ceil((trainedRows * windows) / labelled));
  return wanted * 1.5 > windows ? null : wanted * window;
}

function clamp(value: number, least: number, greatest: number): number {
  return Math.round(Math.min(greatest, Math.max(least, value)));
}
