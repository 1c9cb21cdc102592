import { RelearnError } from '@relearn/kernel';
import { binOf, categoryOf, type Cell, type ColumnReference } from './reference.js';

/** Rows of a window by the cells of a reference column: integers, so merging is exact in any order. Plain JSON. */
export interface WindowCounts {
  /** In the order of the reference's counts. */
  readonly counts: readonly number[];
  readonly nulls: number;
}

/** The counts of a window without rows. */
export function emptyCounts(reference: ColumnReference): WindowCounts {
  return { counts: reference.counts.map(() => 0), nulls: 0 };
}

/** The reference itself as counts, to compare with or to merge. */
export function countsOf({ counts, nulls }: ColumnReference): WindowCounts {
  return { counts, nulls };
}

/** Counts the values of one column on the frozen cells of its reference. */
export class ColumnCounter {
  private readonly counts: Float64Array;
  private readonly cellOf: (cell: Cell) => number | undefined;
  private nulls: number;

  /** Goes on from `start`; throws INVALID_INPUT when that belongs to another reference. */
  constructor(reference: ColumnReference, start: WindowCounts = emptyCounts(reference)) {
    requireCells(reference.counts.length, start);
    this.counts = Float64Array.from(start.counts);
    this.nulls = start.nulls;
    this.cellOf = cellFinder(reference);
  }

  /** Null, undefined, NaN, and in a numeric column what is no number, count as missing. */
  add(cell: Cell): void {
    const at = this.cellOf(cell);
    if (at === undefined) this.nulls++;
    else this.counts[at] = (this.counts[at] ?? 0) + 1;
  }

  snapshot(): WindowCounts {
    return { counts: [...this.counts], nulls: this.nulls };
  }
}

function cellFinder(reference: ColumnReference): (cell: Cell) => number | undefined {
  if (reference.kind === 'numeric') {
    const edges = Float64Array.from(reference.edges);
    return (cell) => (typeof cell === 'number' && !Number.isNaN(cell) ? binOf(edges, cell) : undefined);
  }
  const known = new Map(reference.values.map((value, i) => [value, i]));
  return (cell) => {
    const category = categoryOf(cell);
    return category === null ? undefined : (known.get(category) ?? reference.values.length);
  };
}

function requireCells(cells: number, { counts }: WindowCounts): void {
  if (counts.length === cells) return;
  throw new RelearnError(
    'INVALID_INPUT',
    `counts of ${counts.length} cells meet ${cells}: they belong to another reference`,
  );
}

/** The counts of both windows together: associative and commutative to the byte. */
export function mergeCounts(a: WindowCounts, b: WindowCounts): WindowCounts {
  requireCells(a.counts.length, b);
  return { counts: a.counts.map((count, i) => count + (b.counts[i] ?? 0)), nulls: a.nulls + b.nulls };
}
