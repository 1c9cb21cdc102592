/**
 * The training rows as histograms read them. Columns with few bins share one cell: a cell is a combination of their
 * bins, and summing over the cells that a bin occurs in gives the bin's own sums, exactly, since sums are integers. A row
 * then costs one addition a group of columns instead of one a column.
 */
export interface BinMatrix {
  /** rows x stride: the cell of each group, counted over all groups. */
  readonly cells: Uint16Array | Uint32Array;
  /** Groups of columns. */
  readonly stride: number;
  readonly groups: readonly Group[];
  /** The first bin of each column, counted over all columns; the last entry is their sum. */
  readonly offsets: Int32Array;
}

export interface Group {
  readonly begin: number;
  readonly end: number;
  /** For each cell from `begin` on the bin of each of the group's `size` columns, counted over all columns. */
  readonly bins: Uint32Array;
  readonly size: number;
}

/** Cells of a group at most: their sums stay in the fastest cache. */
const mostCells = 2048;
/** Fewer where rows are few, so that reading the cells costs less than they spare. */
const rowsPerCell = 64;

export function binMatrix(columns: readonly Uint8Array[], counts: readonly number[], rows: number): BinMatrix {
  const offsets = new Int32Array(columns.length + 1);
  for (let f = 0; f < columns.length; f++) offsets[f + 1] = offsets[f]! + counts[f]!;
  const plan = planGroups(counts, Math.min(mostCells, rows / rowsPerCell));
  const stride = plan.length;
  const groups: Group[] = [];
  for (const members of plan) groups.push(newGroup(members, counts, offsets, groups.at(-1)?.end ?? 0));
  const total = groups.at(-1)?.end ?? 0;
  const cells = total <= 65536 ? new Uint16Array(rows * stride) : new Uint32Array(rows * stride);
  plan.forEach((members, g) => {
    let step = 1;
    for (const feature of members) {
      const column = columns[feature]!;
      const base = step === 1 ? groups[g]!.begin : 0;
      for (let row = 0, at = g; row < rows; row++, at += stride) cells[at] = cells[at]! + column[row]! * step + base;
      step *= counts[feature]!;
    }
  });
  return { cells, stride, groups, offsets };
}

/** Columns from few bins to many, each put to the group before while the product of their bins allows. */
function planGroups(counts: readonly number[], limit: number): number[][] {
  const order = counts.map((_, feature) => feature).sort((a, b) => counts[a]! - counts[b]! || a - b);
  const groups: number[][] = [];
  let product = Infinity;
  for (const feature of order) {
    product *= counts[feature]!;
    if (product > limit) {
      groups.push([feature]);
      product = counts[feature]!;
    } else groups.at(-1)!.push(feature);
  }
  return groups;
}

function newGroup(members: readonly number[], counts: readonly number[], offsets: Int32Array, begin: number): Group {
  const size = members.length;
  const cells = members.reduce((product, feature) => product * counts[feature]!, 1);
  const bins = new Uint32Array(cells * size);
  for (let cell = 0; cell < cells; cell++) {
    let rest = cell;
    members.forEach((feature, i) => {
      bins[cell * size + i] = offsets[feature]! + (rest % counts[feature]!);
      rest = Math.floor(rest / counts[feature]!);
    });
  }
  return { begin, end: begin + cells, bins, size };
}

/** Cells of all groups. */
export function cellCount({ groups }: BinMatrix): number {
  return groups.at(-1)?.end ?? 0;
}
