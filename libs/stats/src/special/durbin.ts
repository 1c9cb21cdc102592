const BIG = 2 ** 128;

/** Durbin's band matrix for n d = k - h with 0 <= h < 1, row by row; its size is 2k - 1. */
function durbinMatrix(size: number, h: number): Float64Array {
  const inverseFactorial = new Float64Array(size + 1);
  inverseFactorial[0] = 1;
  for (let i = 1; i <= size; i++) inverseFactorial[i] = (inverseFactorial[i - 1] ?? 0) / i;
  const at = (i: number): number => inverseFactorial[i] ?? 0;
  const matrix = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= Math.min(row + 1, size - 1); column++) {
      matrix[row * size + column] = at(row - column + 1);
    }
  }
  for (let i = 0; i < size - 1; i++) {
    const edge = (1 - h ** (i + 1)) * at(i + 1);
    matrix[i * size] = edge;
    matrix[(size - 1) * size + (size - 1 - i)] = edge;
  }
  const corner = 1 - 2 * h ** size + Math.max(0, 2 * h - 1) ** size;
  matrix[(size - 1) * size] = corner * at(size);
  return matrix;
}

function multiply(a: Float64Array, b: Float64Array, size: number): Float64Array {
  const out = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < size; k++) {
      const factor = a[i * size + k] ?? 0;
      if (factor === 0) continue;
      for (let j = 0; j < size; j++) out[i * size + j] = (out[i * size + j] ?? 0) + factor * (b[k * size + j] ?? 0);
    }
  }
  return out;
}

interface Scaled {
  readonly matrix: Float64Array;
  readonly exponent: number;
}

function times(a: Scaled, b: Scaled, size: number, middle: number): Scaled {
  const matrix = multiply(a.matrix, b.matrix, size);
  const exponent = a.exponent + b.exponent;
  if (Math.abs(matrix[middle] ?? 0) <= BIG) return { matrix, exponent };
  return { matrix: matrix.map((value) => value / BIG), exponent: exponent + 128 };
}

/**
 * Exact P(D_n < d) by Durbin's (1973) matrix power as Marsaglia, Tsang and Wang (2003) compute it, scaled by powers of
 * two so that nothing overflows. O((n d)^3 log n); for 1 < n d.
 */
export function durbinCdf(n: number, d: number): number {
  const k = Math.ceil(n * d);
  const size = 2 * k - 1;
  const middle = (k - 1) * size + (k - 1);
  let power: Scaled | undefined;
  let square: Scaled = { matrix: durbinMatrix(size, k - n * d), exponent: 0 };
  for (let left = n; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power = power === undefined ? square : times(power, square, size, middle);
    if (left > 1) square = times(square, square, size, middle);
  }
  let value = power?.matrix[middle] ?? 0;
  let exponent = power?.exponent ?? 0;
  for (let i = 1; i <= n; i++) {
    value *= i / n;
    if (value < 1 / BIG) {
      value *= BIG;
      exponent -= 128;
    }
  }
  return value * 2 ** exponent;
}
