import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assembleDataset, encodeSegment, type Segment, type SnapshotManifest } from '../src/index.js';
import { pipelineOf } from './pipeline.js';

const features = [
  { name: 'x', type: 'number' },
  { name: 'c', type: 'category' },
] as const;

interface Row {
  readonly id: string;
  readonly time: number;
  readonly x: number | null;
  readonly c: string | null;
  readonly label: number | null;
}

const rowArbitrary = fc.record({
  time: fc.integer({ min: 0, max: 50 }),
  x: fc.option(fc.integer({ min: -5, max: 5 })),
  c: fc.option(fc.constantFrom('a', 'b', 'c')),
  label: fc.option(fc.constantFrom(0, 1)),
});

/** Rows in segments of `size`; each label comes one segment after its row. */
function segmentsOf(rows: readonly Row[], size: number): Segment[] {
  const segments: Segment[] = [];
  for (let from = 0; from < rows.length + size; from += size) {
    const here = rows.slice(from, from + size);
    const before = rows.slice(Math.max(0, from - size), from);
    segments.push({
      ids: here.map((row) => row.id),
      times: here.map((row) => row.time),
      at: here.map((_, index) => from + index),
      columns: { x: here.map((row) => row.x), c: here.map((row) => row.c) },
      labels: {
        eventIds: before.map((row) => row.id),
        values: before.map((row) => row.label),
        times: before.map((row) => row.time),
        at: before.map((_, index) => from + index),
      },
    });
  }
  return segments;
}

function manifestOf(shards: readonly (readonly Segment[])[]): SnapshotManifest {
  const segments = shards.map((_, shard) => ({ shard, cut: 0, segments: [] }));
  const base = { pipeline: 'p', pipelineVersion: 1, featureSet: '', rows: 0, labels: 0, from: 0, to: 0 };
  return { ...base, features, shards: segments };
}

describe('a dataset', () => {
  it('holds the labelled rows of all shards within the training window, or the fewest that train, by time, with categories numbered in that order', () => {
    const shardArbitrary = fc.array(rowArbitrary, { maxLength: 20 });
    fc.assert(
      fc.property(fc.array(shardArbitrary, { maxLength: 3 }), fc.integer({ min: 0, max: 60 }), (drawn, window) => {
        const shards = drawn.map((rows, shard) => rows.map((row, index) => ({ ...row, id: `${shard}-${index}` })));
        const segments = shards.map((rows) => segmentsOf(rows, 4));
        const spec = pipelineOf({ features: [], label: { classes: ['0', '1'] } });
        const dataset = assembleDataset(
          { ...spec, train: { ...spec.train, window, minimum_rows: 3 } },
          manifestOf(segments),
          segments.map((shard) => shard.map(encodeSegment)),
        );
        const labelled = shards.flat().filter((row) => row.label !== null);
        const latest = Math.max(...labelled.map((row) => row.time));
        const sorted = labelled.sort((a, b) => a.time - b.time);
        const wanted = sorted.filter((row, index) => row.time >= latest - window || index >= sorted.length - 3);
        const dictionary = [...new Set(wanted.flatMap((row) => row.c ?? []))];
        expect(dataset.rows).toBe(wanted.length);
        expect([...dataset.times]).toEqual(wanted.map((row) => row.time));
        expect([...dataset.labels]).toEqual(wanted.map((row) => row.label));
        const [x, c] = dataset.columns;
        expect(x?.kind === 'number' && [...x.values]).toEqual(wanted.map((row) => row.x ?? Number.NaN));
        expect(c?.kind === 'category' && c.dictionary).toEqual(dictionary);
        expect(c?.kind === 'category' && [...c.codes]).toEqual(
          wanted.map((row) => (row.c === null ? -1 : dictionary.indexOf(row.c))),
        );
      }),
    );
  });
});
