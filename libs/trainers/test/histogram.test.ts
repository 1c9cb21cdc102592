import { mulberry32 } from '@relearn/kernel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fillHistogram, newHistogram, packGradients, subtractHistogram } from '../src/boosting/histogram.js';
import { binMatrix, cellCount } from '../src/boosting/matrix.js';
import { exponential } from '../src/exponential.js';
import { WireWriter } from '../src/onnx/wire.js';

function fill(rowCount: number, seed: number, rows: Int32Array) {
  const next = mulberry32(seed);
  const columns = [7, 255, 2, 30, 100].map((count) =>
    Uint8Array.from({ length: rowCount }, () => Math.floor(next() * count)),
  );
  const counts = [7, 255, 2, 30, 100];
  const gradients = Float64Array.from({ length: rowCount * 2 }, (_, i) => (i % 2 === 0 ? next() * 4 - 3 : next()));
  const packed = { packed: new Float64Array(rowCount), gradientStep: 0, hessianStep: 0 };
  packGradients(gradients, seed, packed);
  const matrix = binMatrix(columns, counts, rowCount);
  const target = newHistogram(394);
  fillHistogram(matrix, packed.packed, rows, 0, rows.length, target, new Float64Array(cellCount(matrix)));
  return { columns, matrix, gradients, packed, target };
}

test('sums by bin keep what the rows add up to, over many chunks, within the rounding of each', () => {
  const rows = Int32Array.from({ length: 70_000 }, (_, row) => row);
  const { columns, matrix, gradients, packed, target } = fill(rows.length, 3, rows);
  // Three of the five columns are narrow enough to be summed together.
  expect(matrix.stride).toBe(3);
  for (let feature = 0; feature < 5; feature++) {
    const [begin, end] = [matrix.offsets[feature]!, matrix.offsets[feature + 1]!];
    const gradient = new Float64Array(end - begin);
    const hessian = new Float64Array(end - begin);
    for (const row of rows) {
      const bin = columns[feature]![row]!;
      gradient[bin]! += gradients[2 * row]!;
      hessian[bin]! += gradients[2 * row + 1]!;
    }
    for (let bin = 0; bin < end - begin; bin++) {
      // Rounding at random adds up like a random walk: six deviations of at most half a step a row.
      const bound = 3 * Math.sqrt(70_000);
      expect(Math.abs(target.gradient[begin + bin]! - gradient[bin]! / packed.gradientStep)).toBeLessThan(bound);
      expect(Math.abs(target.hessian[begin + bin]! - hessian[bin]! / packed.hessianStep)).toBeLessThan(bound);
    }
  }
});

test('the sums are integers: two parts make the whole exactly, in any order', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.array(fc.boolean(), { minLength: 50, maxLength: 50 }),
      (seed, sides) => {
        const all = Int32Array.from({ length: 50 }, (_, row) => row);
        const whole = fill(50, seed, all.toReversed()).target;
        const left = fill(
          50,
          seed,
          all.filter((row) => sides[row]),
        ).target;
        const right = fill(
          50,
          seed,
          all.filter((row) => !sides[row]),
        ).target;
        subtractHistogram(whole, left);
        expect(whole).toEqual(right);
        expect(right.gradient.every(Number.isInteger)).toBe(true);
      },
    ),
    { numRuns: 50, seed: 1 },
  );
});

test('the exponential agrees with Math.exp to 4 units in the last place', () => {
  fc.assert(
    fc.property(fc.double({ min: -700, max: 700, noNaN: true }), (x) => {
      expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(4 * Number.EPSILON);
    }),
    { numRuns: 2000, seed: 1 },
  );
  expect([exponential(0), exponential(-1e300), exponential(1e300)]).toEqual([1, exponential(-700), exponential(700)]);
});

test('integers are written as varints, negative ones in ten bytes', () => {
  const bytes = (value: number) => {
    const writer = new WireWriter();
    writer.int(1, value);
    return [...writer.finish()];
  };
  expect(bytes(0)).toEqual([8, 0]);
  expect(bytes(300)).toEqual([8, 0xac, 2]);
  expect(bytes(2 ** 35)).toEqual([8, 0x80, 0x80, 0x80, 0x80, 0x80, 1]);
  expect(bytes(-1)).toEqual([8, ...Array<number>(9).fill(0xff), 1]);
});
