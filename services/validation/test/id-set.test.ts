import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdSet } from '../src/domain/id-set.js';

/** What the parts of a checkpoint hold after these changes. */
function applied(parts: Map<number, Uint8Array>, changes: Map<number, Uint8Array | null>): void {
  for (const [start, bytes] of changes) {
    if (bytes === null) parts.delete(start);
    else parts.set(start, bytes);
  }
}

describe('a set of ids', () => {
  it('tells what it has seen, over any saves and loads', () => {
    const step = fc.record({ id: fc.integer({ min: 0, max: 50 }), save: fc.boolean(), load: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const seen = new Set<number>();
        const parts = new Map<number, Uint8Array>();
        let ids = new IdSet();
        for (const { id, save, load } of steps) {
          expect(ids.has(String(id))).toBe(seen.has(id));
          expect(ids.add(String(id))).toBe(!seen.has(id));
          seen.add(id);
          if (save || load) applied(parts, ids.save());
          if (load) ids = IdSet.load(parts);
        }
        expect(ids.size).toBe(seen.size);
      }),
    );
  });

  it('writes few large parts, and after a small change one small part', () => {
    const ids = new IdSet();
    const parts = new Map<number, Uint8Array>();
    for (let i = 0; i < 300_000; i++) {
      ids.add(`event-${i}`);
      if (i % 10_000 === 0) applied(parts, ids.save());
    }
    applied(parts, ids.save());
    expect([...parts.keys()].sort((a, b) => a - b)).toEqual([0, 131_072, 262_144, 270_336, 278_528, 286_720, 294_912]);
    ids.add('one more');
    const changes = ids.save();
    expect([...changes.keys()]).toEqual([294_912]);
    expect(changes.get(294_912)).toHaveLength((300_001 - 294_912) * 16);
    expect(ids.save().size).toBe(0);
    applied(parts, changes);
    const again = IdSet.load(parts);
    for (const id of ['event-0', 'event-131072', 'event-299999', 'one more']) expect(again.has(id)).toBe(true);
    expect(again.has('event-300000')).toBe(false);
  });

  it('refuses parts with a hole', () => {
    expect(() => IdSet.load(new Map([[1, new Uint8Array(16)]]))).toThrow(/missing/);
    expect(() => IdSet.load(new Map([[0, new Uint8Array(15)]]))).toThrow(/cut/);
  });
});
