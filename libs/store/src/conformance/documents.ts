import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../port.js';
import { expectCode, plain, type StoreFactory, withStore } from './fixture.js';

export function documentTests(factory: StoreFactory): void {
  describe('documents', () => {
    test('a document is created once and read back with version 1', () =>
      withStore(factory, async ({ store }) => {
        expect(await store.get(plain, 'a')).toBeNull();
        expect(await store.create(plain, 'a', { n: 1 })).toEqual({ id: 'a', version: 1, body: { n: 1 } });
        expect(await store.get(plain, 'a')).toEqual({ id: 'a', version: 1, body: { n: 1 } });
        await expectCode(store.create(plain, 'a', { n: 2 }), 'ALREADY_EXISTS');
        expect((await store.get(plain, 'a'))?.body).toEqual({ n: 1 });
      }));

    test('a replacement needs the present version', () =>
      withStore(factory, async ({ store }) => {
        await expectCode(store.replace(plain, 'a', 1, {}), 'NOT_FOUND');
        await store.create(plain, 'a', { n: 1 });
        expect(await store.replace(plain, 'a', 1, { n: 2 })).toEqual({ id: 'a', version: 2, body: { n: 2 } });
        await expectCode(store.replace(plain, 'a', 1, { n: 3 }), 'CONFLICT');
        await expectCode(store.replace(plain, 'a', 3, { n: 3 }), 'CONFLICT');
        expect(await store.get(plain, 'a')).toEqual({ id: 'a', version: 2, body: { n: 2 } });
      }));

    test('put writes whatever is there, and the version grows', () =>
      withStore(factory, async ({ store }) => {
        expect((await store.put(plain, 'a', { n: 1 })).version).toBe(1);
        expect((await store.put(plain, 'a', { n: 2 })).version).toBe(2);
        await store.replace(plain, 'a', 2, { n: 3 });
        expect(await store.put(plain, 'a', 'text')).toEqual({ id: 'a', version: 4, body: 'text' });
        expect((await store.get(plain, 'a'))?.body).toBe('text');
      }));

    test('a removed document is gone and can be created again', () =>
      withStore(factory, async ({ store }) => {
        await store.create(plain, 'a', { n: 1 });
        await store.remove(plain, 'a');
        await store.remove(plain, 'a');
        expect(await store.get(plain, 'a')).toBeNull();
        expect((await store.create(plain, 'a', { n: 2 })).version).toBe(1);
      }));

    test('collections are apart, and an unknown one is not found', () =>
      withStore(factory, async ({ store }) => {
        await store.ensureCollections([{ name: 'turns' }, { name: plain }]);
        await store.create(plain, 'a', 1);
        await store.create('turns', 'a', 2);
        expect((await store.get(plain, 'a'))?.body).toBe(1);
        await store.remove('turns', 'a');
        expect((await store.get(plain, 'a'))?.body).toBe(1);
        await expectCode(store.get('nowhere', 'a'), 'NOT_FOUND');
        await expectCode(store.create('nowhere', 'a', 1), 'NOT_FOUND');
        await expectCode(store.list('nowhere', { limit: 1 }), 'NOT_FOUND');
      }));

    test('any JSON comes back as it was, under any well-formed id', () =>
      withStore(factory, async ({ store }) => {
        const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
        const id = text.filter((one) => !one.includes('\0'));
        await fc.assert(
          fc.asyncProperty(id, fc.jsonValue(), async (name, value) => {
            const body = JSON.parse(JSON.stringify(value)) as Json;
            await store.put(plain, name, body);
            expect((await store.get(plain, name))?.body).toEqual(body);
            expect((await store.list(plain, { prefix: name, limit: 1 }))[0]?.id).toBe(name);
          }),
          { numRuns: 150 },
        );
      }));

    test('keys, numbers, texts and depths that databases stumble over come back as they were', () =>
      withStore(factory, async ({ store }) => {
        const deep = `${'['.repeat(300)}1${']'.repeat(300)}`;
        const bodies = [
          '{"$set":{"a.b":1},"":{"$gt":""},"a.b.c":2,"__proto__":{"constructor":3},"_id":4,"version":5}',
          '{"z":1,"a":2,"10":3,"2":4}',
          '[9007199254740991,-9007199254740991,2147483648,-2147483649,0.1,1e308,5e-324,-1.7976931348623157e308]',
          '["a\\u0000b","\\ud800","\\uffff","😀","\\u2028"]',
          deep,
          JSON.stringify('x'.repeat(1024 * 1024)),
        ];
        for (const [n, text] of bodies.entries()) {
          await store.put(plain, `${n}`, JSON.parse(text) as Json);
          expect(JSON.stringify((await store.get(plain, `${n}`))?.body)).toBe(JSON.stringify(JSON.parse(text)));
        }
        const listed = await store.list(plain, { limit: 10 });
        expect(listed.map(({ body }) => JSON.stringify(body))).toEqual(
          bodies.map((text) => JSON.stringify(JSON.parse(text))),
        );
      }));

    test('a document is no object that anybody shares', () =>
      withStore(factory, async ({ store }) => {
        const body = { list: [1] };
        await store.create(plain, 'a', body);
        body.list.push(2);
        const read = (await store.get(plain, 'a'))?.body as { list: number[] };
        expect(read).toEqual({ list: [1] });
        read.list.push(3);
        expect((await store.get(plain, 'a'))?.body).toEqual({ list: [1] });
      }));

    test('ids that not every database can keep are refused', () =>
      withStore(factory, async ({ store }) => {
        for (const id of ['', 'a\0b', '\ud800', 'x'.repeat(513)]) {
          await expectCode(store.create(plain, id, 1), 'INVALID_INPUT');
          await expectCode(store.get(plain, id), 'INVALID_INPUT');
        }
        await expectCode(store.list(plain, { prefix: '\udfff', limit: 1 }), 'INVALID_INPUT');
      }));

    test('a closed store is UNAVAILABLE', () =>
      withStore(factory, async ({ store }) => {
        await store.close();
        await expectCode(store.get(plain, 'a'), 'UNAVAILABLE');
        await expectCode(store.put(plain, 'a', 1), 'UNAVAILABLE');
        await expectCode(store.list(plain, { limit: 1 }), 'UNAVAILABLE');
      }));
  });
}
