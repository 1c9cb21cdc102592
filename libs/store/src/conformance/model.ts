import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '@relearn/kernel';
import type { Json, Store } from '../port.js';
import { codeOf, type StoreFactory, unique, withStore } from './fixture.js';

// Random commands against the store and against a map that says what the port promises.

interface Step {
  readonly kind: 'create' | 'replace' | 'put' | 'remove';
  readonly id: string;
  readonly name: string | null;
  readonly stale: boolean;
}

type Model = Map<string, { readonly version: number; readonly name: string | null }>;

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('create', 'replace', 'put', 'remove'),
  id: fc.constantFrom('a', 'b', 'ä', '\uffff', '😀'),
  name: fc.constantFrom('x', 'y', 'z', null),
  stale: fc.boolean(),
});

export function modelTests(factory: StoreFactory): void {
  describe('a model', () => {
    test('any sequence of operations gives what the port promises', () =>
      fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) =>
          withStore(factory, async ({ store }) => {
            const model: Model = new Map();
            for (const one of steps) {
              const version = (model.get(one.id)?.version ?? 0) + (one.stale ? 1 : 0);
              const code = await codeOf(perform(store, one, version));
              expect([one, code]).toEqual([one, promise(model, one, version)]);
            }
            const kept = await store.list(unique, { limit: 100 });
            expect(kept.map(({ id, version, body }) => [id, version, body])).toEqual(
              [...model]
                .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
                .map(([id, { version, name }]) => [id, version, { name }]),
            );
          }),
        ),
        { numRuns: 30 },
      ));
  });
}

function perform(store: Store, { kind, id, name }: Step, version: number): Promise<unknown> {
  const body: Json = { name };
  if (kind === 'create') return store.create(unique, id, body);
  if (kind === 'replace') return store.replace(unique, id, version, body);
  if (kind === 'put') return store.put(unique, id, body);
  return store.remove(unique, id);
}

/** The code that the port promises; changes the model when the operation goes well. */
function promise(model: Model, { kind, id, name, stale }: Step, version: number): ErrorCode | null {
  const known = model.get(id);
  if (kind === 'remove') {
    model.delete(id);
    return null;
  }
  if (kind === 'create' && known !== undefined) return 'ALREADY_EXISTS';
  if (kind === 'replace' && known === undefined) return 'NOT_FOUND';
  if (kind === 'replace' && stale) return 'CONFLICT';
  const taken = [...model].some(([other, document]) => other !== id && name !== null && document.name === name);
  if (taken) return 'ALREADY_EXISTS';
  model.set(id, { version: kind === 'replace' ? version + 1 : (known?.version ?? 0) + 1, name });
  return null;
}
