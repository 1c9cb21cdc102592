import type { Cell, FeatureSpec } from '@relearn/contracts';
import type { WindowCursor } from '../state/window-cursor.js';
import type { WindowSeries } from '../state/window-series.js';
import type { FeatureReader, Frame } from './frame.js';

type Aggregate = Extract<FeatureSpec, { aggregate: unknown }>['aggregate'];

/** Where a window is found in a frame. */
export interface WindowPlace {
  readonly table: number;
  readonly series: number;
  readonly cursor: number;
}

/**
 * Reads an aggregate off its window. An empty window has count, rate, distinct and sum 0; the others are null there,
 * and std (of a sample, n - 1) below two values. A row whose key is unknown has no window: null.
 */
export function aggregateReader(kind: Aggregate, place: WindowPlace, convert: (cell: Cell) => Cell): FeatureReader {
  const read = readers[kind];
  const empty = kind === 'count' || kind === 'rate' || kind === 'distinct' || kind === 'sum' ? 0 : null;
  const { table, series: seriesIndex, cursor: cursorIndex } = place;
  return (frame: Frame) => {
    if (frame.keys[table] === null) return null;
    const series = frame.states[table]?.series[seriesIndex];
    const cursor = series?.cursors[cursorIndex];
    if (series === undefined || cursor === undefined) return empty;
    return kind === 'last' ? convert(read(cursor, series)) : read(cursor, series);
  };
}

const readers: Readonly<Record<Aggregate, (cursor: WindowCursor, series: WindowSeries) => Cell>> = {
  count: (cursor) => cursor.count,
  rate: (cursor) => cursor.rate(),
  sum: (cursor) => cursor.sum(),
  mean: (cursor) => cursor.mean(),
  std: (cursor) => cursor.deviation(),
  distinct: (cursor) => cursor.distinct(),
  min: (cursor, series) => cursor.least(series),
  max: (cursor, series) => cursor.greatest(series),
  last: (cursor, series) => cursor.last(series),
};
