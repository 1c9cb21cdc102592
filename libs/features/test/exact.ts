/** Sums in whole numbers of 2^-1074, the least double: an oracle that never rounds. */

const view = new DataView(new ArrayBuffer(8));

export function unitsOf(value: number): bigint {
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const magnitude = exponent === 0 ? fraction : (fraction | 0x10000000000000n) << BigInt(exponent - 1);
  return value < 0 ? -magnitude : magnitude;
}

/** The double nearest to units * 2^-exponent, for results that are normal doubles or 0. */
export function nearestDouble(units: bigint, exponent: number): number {
  const negative = units < 0n;
  let magnitude = negative ? -units : units;
  const excess = magnitude.toString(2).length - 60;
  let shifted = 0;
  if (excess > 0) {
    const rest = magnitude & ((1n << BigInt(excess)) - 1n);
    magnitude = (magnitude >> BigInt(excess)) | (rest === 0n ? 0n : 1n);
    shifted = excess;
  }
  // Two steps, for powers of two below the least double.
  const power = shifted - exponent;
  const half = Math.trunc(power / 2);
  const value = Number(magnitude) * 2 ** half * 2 ** (power - half);
  return negative ? -value : value;
}

export function exactSum(values: readonly number[]): number {
  return nearestDouble(
    values.reduce((sum, value) => sum + unitsOf(value), 0n),
    1074,
  );
}

export function exactDeviation(values: readonly number[]): number | null {
  const count = values.length;
  if (count < 2) return null;
  const units = values.map(unitsOf);
  const sum = units.reduce((total, value) => total + value, 0n);
  const squares = units.reduce((total, value) => total + value * value, 0n);
  const spread = nearestDouble(BigInt(count) * squares - sum * sum, 2148);
  return Math.sqrt(spread / (count * (count - 1)));
}
