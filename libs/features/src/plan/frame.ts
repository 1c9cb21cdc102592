import type { Cell } from '@relearn/contracts';
import type { HeldRecords } from '../state/held-records.js';
import type { WindowSeries } from '../state/window-series.js';

/** What is kept for one value of a key. */
export interface KeyState {
  readonly series: readonly WindowSeries[];
  readonly lags: HeldRecords | undefined;
}

/** One row while its features are computed. */
export interface Frame {
  cells: readonly Cell[];
  time: number;
  watermark: number;
  /** By table: the row's key (null: unknown) and what is kept for it. */
  readonly keys: (string | null)[];
  readonly states: (KeyState | undefined)[];
  /** By join: the context records with the row's key. */
  readonly contexts: (HeldRecords | undefined)[];
}

export type FeatureReader = (frame: Frame) => Cell;
