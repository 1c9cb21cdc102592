import type { Design } from './encoding.js';

/**
 * Weights of a linear score, output after output; of each: the intercept, the dense columns, then the codes of each
 * category column.
 */
export function weightCount(design: Design): number {
  return 1 + design.width + design.sizes.reduce((sum, size) => sum + size, 0);
}

/** Writes row-major scores: rows x outputs. */
export function fillScores(design: Design, weights: Float64Array, outputs: number, scores: Float64Array): void {
  const { rows, width, dense } = design;
  const count = weightCount(design);
  for (let output = 0; output < outputs; output++) {
    const base = output * count;
    for (let row = 0; row < rows; row++) {
      let sum = weights[base]!;
      const from = row * width;
      for (let i = 0; i < width; i++) sum += dense[from + i]! * weights[base + 1 + i]!;
      scores[row * outputs + output] = sum;
    }
    let block = base + 1 + width;
    design.codes.forEach((codes, c) => {
      for (let row = 0, at = output; row < rows; row++, at += outputs) {
        scores[at] = scores[at]! + weights[block + codes[row]!]!;
      }
      block += design.sizes[c]!;
    });
  }
}

/** Adds each row's residual times its inputs to the gradient: the transpose of `fillScores`. */
export function addGradient(design: Design, residuals: Float64Array, outputs: number, gradient: Float64Array): void {
  const { rows, width, dense } = design;
  const count = weightCount(design);
  for (let output = 0; output < outputs; output++) {
    const base = output * count;
    for (let row = 0; row < rows; row++) {
      const residual = residuals[row * outputs + output]!;
      gradient[base] = gradient[base]! + residual;
      const from = row * width;
      for (let i = 0; i < width; i++) {
        gradient[base + 1 + i] = gradient[base + 1 + i]! + residual * dense[from + i]!;
      }
    }
    let block = base + 1 + width;
    design.codes.forEach((codes, c) => {
      for (let row = 0, at = output; row < rows; row++, at += outputs) {
        const weight = block + codes[row]!;
        gradient[weight] = gradient[weight]! + residuals[at]!;
      }
      block += design.sizes[c]!;
    });
  }
}
