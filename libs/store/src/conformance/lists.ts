import { describe, expect, test } from 'vitest';
import type { Store } from '../port.js';
import { expectCode, plain, type StoreFactory, withStore } from './fixture.js';

async function fill(store: Store, ids: readonly string[]): Promise<void> {
  await Promise.all(ids.map((id) => store.create(plain, id, id)));
}

async function pages(store: Store, limit: number, prefix?: string): Promise<string[][]> {
  const found: string[][] = [];
  let after: string | undefined;
  for (;;) {
    const options = { limit, ...(prefix !== undefined && { prefix }), ...(after !== undefined && { after }) };
    const page = (await store.list(plain, options)).map(({ id }) => id);
    if (page.length === 0) return found;
    found.push(page);
    after = page.at(-1);
  }
}

export function listTests(factory: StoreFactory): void {
  describe('lists', () => {
    test('pages follow one another without a gap', () =>
      withStore(factory, async ({ store }) => {
        const ids = Array.from({ length: 10 }, (_, n) => `run-${n}`);
        await fill(store, [...ids].reverse());
        expect(await pages(store, 4)).toEqual([ids.slice(0, 4), ids.slice(4, 8), ids.slice(8)]);
        await expectCode(store.list(plain, { limit: 0 }), 'INVALID_INPUT');
      }));

    test('pages skip nothing and repeat nothing while documents come, change and go', () =>
      withStore(factory, async ({ store }) => {
        const ids = Array.from({ length: 30 }, (_, n) => `run-${n + 10}`);
        await fill(store, ids);
        const seen: string[] = [];
        for (let after = ''; ; after = seen.at(-1) ?? '') {
          const page = await store.list(plain, { limit: 4, after });
          seen.push(...page.map(({ id }) => id));
          if (page.length < 4) break;
          await store.remove(plain, seen.at(-1) ?? '');
          await store.put(plain, `run-${9 + seen.length}a`, 'late, before the next page');
          await store.put(plain, 'run-0', 'before all pages');
          await store.put(plain, 'run-39', seen.length);
        }
        expect(seen.filter((id) => ids.includes(id))).toEqual(ids);
        expect(new Set(seen).size).toBe(seen.length);
      }));

    test('a prefix is matched literally, and its pages end with it', () =>
      withStore(factory, async ({ store }) => {
        await fill(store, ['a', 'a%', 'a/1', 'a/2', 'a/22', 'a/3', 'a0', 'A/1', 'a_b', 'b/1']);
        expect(await pages(store, 2, 'a/')).toEqual([
          ['a/1', 'a/2'],
          ['a/22', 'a/3'],
        ]);
        expect(await pages(store, 9, 'a%')).toEqual([['a%']]);
        expect(await pages(store, 9, 'a_')).toEqual([['a_b']]);
        expect(await pages(store, 9, 'c')).toEqual([]);
        expect((await store.list(plain, { prefix: 'a/', after: 'a', limit: 1 }))[0]?.id).toBe('a/1');
        expect(await store.list(plain, { prefix: 'a/', after: 'b', limit: 1 })).toEqual([]);
        await fill(store, ['\u{10ffff}', '\u{10ffff}a', '\ud7ff', '\ud7ffa', '\ue000']);
        expect(await pages(store, 9, '\u{10ffff}')).toEqual([['\u{10ffff}', '\u{10ffff}a']]);
        expect(await pages(store, 9, '\ud7ff')).toEqual([['\ud7ff', '\ud7ffa']]);
      }));

    test('ids are in the order of their code points, not of a language nor of UTF-16', () =>
      withStore(factory, async ({ store }) => {
        const ordered = ['A', 'Z', 'a', 'aa', 'z', 'ä', 'a\u0301', '\ue000', '\uffff', '😀', '😀a', '\u{10ffff}'];
        const sorted = [...ordered].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        await fill(store, [...ordered].reverse());
        expect((await store.list(plain, { limit: 50 })).map(({ id }) => id)).toEqual(sorted);
        expect(await pages(store, 3)).toEqual([
          sorted.slice(0, 3),
          sorted.slice(3, 6),
          sorted.slice(6, 9),
          sorted.slice(9),
        ]);
        expect(sorted.indexOf('\uffff')).toBeLessThan(sorted.indexOf('😀'));
      }));
  });
}
