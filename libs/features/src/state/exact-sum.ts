/**
 * A sum of doubles without rounding error, from which values can be taken out again: Shewchuk's expansion of
 * non-overlapping partial sums ("Adaptive Precision Floating-Point Arithmetic", 1997), as in Python's fsum.
 * `value` depends only on what is in the sum, never on the order in which it came or left.
 * Values and sums must stay below 2^1000.
 */
export class ExactSum {
  private readonly parts: number[] = [];
  private size = 0;

  add(value: number): void {
    const { parts, size } = this;
    let carried = value;
    let kept = 0;
    for (let index = 0; index < size; index++) {
      const part = parts[index] ?? 0;
      const sum = carried + part;
      const error = Math.abs(carried) < Math.abs(part) ? carried - (sum - part) : part - (sum - carried);
      if (error !== 0) parts[kept++] = error;
      carried = sum;
    }
    if (carried !== 0) parts[kept++] = carried;
    this.size = kept;
  }

  /** The sum rounded once to the nearest double, ties to even. */
  value(): number {
    const { parts } = this;
    let index = this.size - 1;
    if (index < 0) return 0;
    let high = parts[index] ?? 0;
    let low = 0;
    while (index > 0 && low === 0) {
      index -= 1;
      const part = parts[index] ?? 0;
      const sum = high + part;
      low = part - (sum - high);
      high = sum;
    }
    // Half a unit exactly: the next part says to which side it really lies.
    const next = index > 0 ? (parts[index - 1] ?? 0) : 0;
    if ((low < 0 && next < 0) || (low > 0 && next > 0)) {
      const doubled = low * 2;
      const moved = high + doubled;
      if (doubled === moved - high) return moved;
    }
    return high;
  }

  /** Adds a * b without rounding (Dekker's product), times `sign`. The product must be 0 or above 2^-970. */
  addProduct(a: number, b: number, sign: 1 | -1): void {
    const product = a * b;
    const error = productError(a, b, product);
    if (error !== 0) this.add(sign * error);
    this.add(sign * product);
  }

  /** Adds count * this - other², both exact, to the target. */
  addSpread(count: number, other: ExactSum, target: ExactSum): void {
    for (let index = 0; index < this.size; index++) target.addProduct(count, this.parts[index] ?? 0, 1);
    for (let row = 0; row < other.size; row++) {
      const part = other.parts[row] ?? 0;
      target.addProduct(part, part, -1);
      for (let column = 0; column < row; column++) target.addProduct(2 * part, other.parts[column] ?? 0, -1);
    }
  }
}

const splitter = 2 ** 27 + 1;

function productError(a: number, b: number, product: number): number {
  const bigA = splitter * a;
  const highA = bigA - (bigA - a);
  const lowA = a - highA;
  const bigB = splitter * b;
  const highB = bigB - (bigB - b);
  const lowB = b - highB;
  return lowA * lowB - (product - highA * highB - lowA * highB - highA * lowB);
}

/**
 * Sample standard deviation (n - 1) from the count, the sum and the sum of squares: n * squares - sum² is exact and
 * rounded once. Null below two values.
 */
export function standardDeviation(count: number, sum: ExactSum, squares: ExactSum): number | null {
  if (count < 2) return null;
  const spread = new ExactSum();
  squares.addSpread(count, sum, spread);
  return Math.sqrt(spread.value() / (count * (count - 1)));
}
