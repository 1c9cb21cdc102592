import type { BinMatrix, Group } from './matrix.js';
import type { Gradients } from './objective.js';

/**
 * Gradient histograms. Gradients and hessians are rounded to small integers (at random, so that sums are unbiased; see
 * Shi et al., "Quantized Training of Gradient Boosting Decision Trees", 2022) and both packed in one float64, so that
 * a row costs one addition a feature. All sums are then exact integers: subtraction loses nothing and order cannot matter.
 */

/** Rows that can be summed before a packed sum could overflow: 2^14 x (2^12 - 1) < 2^26 for each half. */
const chunkRows = 1 << 14;
const levels = (1 << 12) - 1;
const shift = 2 ** 26;

/** The rows' gradients in packed form, and what one step of either integer is worth. */
export interface PackedGradients {
  readonly packed: Float64Array;
  gradientStep: number;
  hessianStep: number;
}

/** Rounds gradients and hessians (all >= 0) into `target`; `seed` chooses the rounding. */
export function packGradients(gradients: Gradients, seed: number, target: PackedGradients): void {
  const rows = gradients.length / 2;
  let greatest = 0;
  let greatestHessian = 0;
  for (let row = 0; row < rows; row++) {
    const size = Math.abs(gradients[2 * row]!);
    if (size > greatest) greatest = size;
    const weight = gradients[2 * row + 1]!;
    if (weight > greatestHessian) greatestHessian = weight;
  }
  const scale = greatest > 0 ? levels / greatest : 0;
  const hessianScale = greatestHessian > 0 ? levels / greatestHessian : 0;
  const { packed } = target;
  let state = (Math.imul(seed, 0x9e3779b1) | 1) >>> 0;
  for (let row = 0; row < rows; row++) {
    // xorshift32 (Marsaglia 2003); its two halves dither the two numbers.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const g = Math.floor(gradients[2 * row]! * scale + (state & 0xffff) * (1 / 65536));
    const h = Math.floor(gradients[2 * row + 1]! * hessianScale + (state >>> 16) * (1 / 65536));
    packed[row] = Math.min(g, levels) * shift + Math.min(h, levels);
  }
  target.gradientStep = scale > 0 ? 1 / scale : 0;
  target.hessianStep = hessianScale > 0 ? 1 / hessianScale : 0;
}

/** Sums by bin, in integer steps. */
export interface Histogram {
  readonly gradient: Float64Array;
  readonly hessian: Float64Array;
}

export function newHistogram(bins: number): Histogram {
  return { gradient: new Float64Array(bins), hessian: new Float64Array(bins) };
}

/** Sums rows[begin, end) into `target`; `scratch` has as many entries as the matrix has cells. */
export function fillHistogram(
  matrix: BinMatrix,
  packed: Float64Array,
  rows: Int32Array,
  begin: number,
  end: number,
  target: Histogram,
  scratch: Float64Array,
): void {
  target.gradient.fill(0);
  target.hessian.fill(0);
  for (let from = begin; from < end; from += chunkRows) {
    scratch.fill(0);
    addRows(matrix.cells, matrix.stride, packed, rows, from, Math.min(end, from + chunkRows), scratch);
    unpack(matrix.groups, scratch, target.gradient, target.hessian);
  }
}

function addRows(
  cells: Uint16Array | Uint32Array,
  stride: number,
  packed: Float64Array,
  rows: Int32Array,
  begin: number,
  end: number,
  sums: Float64Array,
): void {
  const fours = stride - (stride % 4);
  const two = stride % 4 >= 2;
  const one = stride % 2 === 1;
  for (let i = begin; i < end; i++) {
    const row = rows[i]!;
    const value = packed[row]!;
    let at = row * stride;
    const last = at + fours;
    for (; at < last; at += 4) {
      const a = cells[at]!;
      const b = cells[at + 1]!;
      const c = cells[at + 2]!;
      const d = cells[at + 3]!;
      sums[a] = sums[a]! + value;
      sums[b] = sums[b]! + value;
      sums[c] = sums[c]! + value;
      sums[d] = sums[d]! + value;
    }
    if (two) {
      const a = cells[at]!;
      const b = cells[at + 1]!;
      sums[a] = sums[a]! + value;
      sums[b] = sums[b]! + value;
      at += 2;
    }
    if (one) {
      const a = cells[at]!;
      sums[a] = sums[a]! + value;
    }
  }
}

/** Adds each cell's sums, taken apart, to those of its columns' bins. */
function unpack(groups: readonly Group[], sums: Float64Array, gradient: Float64Array, hessian: Float64Array): void {
  for (const { begin, end, bins, size } of groups) {
    let at = 0;
    for (let cell = begin; cell < end; cell++, at += size) {
      const sum = sums[cell]!;
      if (sum === 0) continue;
      const high = Math.floor(sum * (1 / shift));
      const low = sum - high * shift;
      for (let i = at; i < at + size; i++) {
        const bin = bins[i]!;
        gradient[bin] = gradient[bin]! + high;
        hessian[bin] = hessian[bin]! + low;
      }
    }
  }
}

/** parent - child, in the parent's place: the histogram of the other child. */
export function subtractHistogram(parent: Histogram, child: Histogram): void {
  const { gradient, hessian } = parent;
  const { gradient: childGradient, hessian: childHessian } = child;
  for (let bin = 0; bin < gradient.length; bin++) {
    gradient[bin] = gradient[bin]! - childGradient[bin]!;
    hessian[bin] = hessian[bin]! - childHessian[bin]!;
  }
}
