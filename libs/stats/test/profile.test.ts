import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  binnedDrift,
  type Cell,
  ColumnCounter,
  type ColumnReference,
  type ColumnValues,
  countsOf,
  emptyCounts,
  ksStatistic,
  mergeCounts,
  referenceProfile,
  standardDeviation,
  wassersteinDistance,
  type WindowCounts,
} from '../src/index.js';
import { build } from './golden/recipes.js';

const numeric = (values: ArrayLike<Cell>): ColumnReference => profiled({ kind: 'numeric', values });
const categorical = (values: ArrayLike<Cell>): ColumnReference => profiled({ kind: 'categorical', values });

function profiled(column: ColumnValues): ColumnReference {
  const reference = referenceProfile({ x: column }).columns['x'];
  if (reference === undefined) throw new Error('no profile');
  return reference;
}

function counted(reference: ColumnReference, cells: Iterable<Cell>): WindowCounts {
  const counter = new ColumnCounter(reference);
  for (const cell of cells) counter.add(cell);
  return counter.snapshot();
}

const normal = (seed: number, n: number, loc: number): number[] =>
  build({ generator: 'sum', seed, n, k: 12, loc, scale: 1 }).map(Number);
const bytes = (value: unknown): string => JSON.stringify(value);

const numbers = fc.oneof(fc.double(), fc.integer({ min: -3, max: 3 }), fc.constant(null));
const labels = fc.oneof(fc.constantFrom('a', 'b', 'c', '__proto__', 'new'), fc.constant(null));
const columns = fc.oneof(
  fc.record({ reference: fc.array(numbers).map(numeric), window: fc.array(numbers) }),
  fc.record({ reference: fc.array(labels).map(categorical), window: fc.array(labels) }),
);

describe('window counts', () => {
  it('have the same bytes in any order and partition', () => {
    fc.assert(
      fc.property(columns, fc.array(fc.nat()), fc.nat(), ({ reference, window }, keys, cut) => {
        const shuffled = window
          .map((cell, i) => ({ cell, key: keys[i] ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ cell }) => cell);
        const at = cut % (window.length + 1);
        const parts = [shuffled.slice(0, at), shuffled.slice(at)].map((part) => counted(reference, part));
        const merged = parts.reduceRight(mergeCounts, emptyCounts(reference));
        expect(bytes(merged)).toBe(bytes(counted(reference, window)));
      }),
    );
  });

  it('go on from a snapshot, through JSON', () => {
    fc.assert(
      fc.property(columns, fc.nat(), ({ reference, window }, cut) => {
        const at = cut % (window.length + 1);
        const kept = JSON.parse(bytes(counted(reference, window.slice(0, at)))) as WindowCounts;
        const again = new ColumnCounter(JSON.parse(bytes(reference)) as ColumnReference, kept);
        for (const cell of window.slice(at)) again.add(cell);
        expect(again.snapshot()).toEqual(counted(reference, window));
      }),
    );
  });

  it('count every row once, and the reference’s own rows as the reference does', () => {
    fc.assert(
      fc.property(fc.array(numbers), (values) => {
        const reference = numeric(values);
        const { counts, nulls } = counted(reference, values);
        expect(counts.reduce((a, b) => a + b, nulls)).toBe(values.length);
        expect({ counts, nulls }).toEqual(countsOf(reference));
      }),
    );
  });

  it('refuse those of another reference', () => {
    const [a, b] = [emptyCounts(numeric([1, 2, 3])), emptyCounts(numeric([1]))];
    expect(() => mergeCounts(a, b)).toThrow(/another reference/);
    expect(() => new ColumnCounter(numeric([1]), a)).toThrow(/another reference/);
  });
});

describe('the reference', () => {
  it('has 20 edges of equal shares for a continuous column, and a bin beyond each end', () => {
    const reference = numeric(normal(1, 19_000, 0));
    if (reference.kind !== 'numeric') throw new Error('kind');
    expect(reference.edges.length).toBe(20);
    expect(reference.counts).toEqual([0, ...Array<number>(19).fill(1000), 0]);
  });

  it('has one bin a value for a column of few values', () => {
    const reference = numeric([0, 0, 0, 1, 1, 5, null]);
    const bins = [-1, 0, 0.5, 1, 5, 6].map((x) => counted(reference, [x]).counts.indexOf(1));
    expect(bins).toEqual([0, 1, 2, 2, 3, 4]);
    expect(countsOf(reference)).toEqual({ counts: [0, 3, 2, 1, 0], nulls: 1 });
  });

  it('keeps the 100 most frequent categories and counts the others together', () => {
    const cells = Array.from({ length: 150 }, (_, i) => Array<string>(i < 2 ? 5 : 1).fill(`c${i}`)).flat();
    const reference = categorical(cells);
    if (reference.kind !== 'categorical') throw new Error('kind');
    expect(reference.values.slice(0, 3)).toEqual(['c0', 'c1', 'c10']);
    expect(reference.counts.length).toBe(101);
    expect(reference.counts.at(-1)).toBe(50);
  });
});

describe('drift from counts', () => {
  const names = ['psi:binned', 'js:binned', 'linf:binned', 'chisquare:binned', 'ks:binned', 'wasserstein:binned'];

  it.each(names)('%s is OK on the same distribution and DRIFT on a shifted one', (name) => {
    const reference = numeric(normal(1, 20_000, 0));
    expect(binnedDrift(name, reference, counted(reference, normal(2, 5000, 0))).state).toBe('OK');
    expect(binnedDrift(name, reference, counted(reference, normal(3, 5000, 0.6))).state).toBe('DRIFT');
  });

  it.each(names)('%s has no data in an empty window', (name) => {
    const reference = numeric([1, 2, 3]);
    expect(binnedDrift(name, reference, emptyCounts(reference))).toMatchObject({ state: 'NO_DATA', drift: false });
    expect(binnedDrift(name, numeric([]), emptyCounts(numeric([]))).state).toBe('NO_DATA');
  });

  it.each(['psi:binned', 'js:binned', 'linf:binned', 'chisquare:binned'])('%s sees a burst of nulls', (name) => {
    const reference = categorical(Array.from({ length: 1000 }, (_, i) => (i % 3 === 0 ? 'a' : 'b')));
    const window = counted(reference, [
      ...Array<string>(200).fill('a'),
      ...Array<string>(400).fill('b'),
      ...Array<null>(300).fill(null),
    ]);
    expect(binnedDrift(name, reference, window).state).toBe('DRIFT');
  });

  it('has no data for ks and wasserstein when every value is missing', () => {
    const reference = numeric([1, 2, 3]);
    const window = counted(reference, [null, Number.NaN, undefined]);
    expect(binnedDrift('ks:binned', reference, window).state).toBe('NO_DATA');
    expect(binnedDrift('wasserstein:binned', reference, window).state).toBe('NO_DATA');
    expect(binnedDrift('psi:binned', reference, window).state).toBe('DRIFT');
  });

  it('sees a constant column move either way', () => {
    const reference = numeric(Array<number>(100).fill(7));
    for (const value of [6.999, 7.001]) {
      const window = counted(reference, Array<number>(100).fill(value));
      expect(binnedDrift('psi:binned', reference, window).state).toBe('DRIFT');
      expect(binnedDrift('wasserstein:binned', reference, window).state).toBe('NOT_COMPUTABLE');
    }
  });

  it('is near the unbinned distances', () => {
    const [a, b] = [normal(5, 20_000, 0), normal(6, 8000, 0.3)];
    const reference = numeric(a);
    const window = counted(reference, b);
    const sorted = [a, b].map((x) => Float64Array.from(x).sort());
    const [x = new Float64Array(), y = new Float64Array()] = sorted;
    const ks = binnedDrift('ks:binned', reference, window).statistic ?? 0;
    expect(ks).toBeLessThanOrEqual(ksStatistic(x, y));
    expect(ks).toBeGreaterThan(ksStatistic(x, y) - 0.02);
    const w1 = binnedDrift('wasserstein:binned', reference, window).statistic ?? 0;
    expect(w1).toBeCloseTo(wassersteinDistance(x, y) / standardDeviation(a), 1);
  });

  it('refuses a method for another kind of column, and an unknown one', () => {
    const reference = categorical(['a']);
    expect(() => binnedDrift('ks:binned', reference, emptyCounts(reference))).toThrow(/numeric/);
    expect(() => binnedDrift('psi', reference, emptyCounts(reference))).toThrow(/psi:binned/);
  });
});
