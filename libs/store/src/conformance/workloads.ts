import type { Json, Store } from '../port.js';

/** What a workload works on: the suite runs it small, the benchmark large. */
export interface Load {
  readonly store: Store;
  readonly collection: string;
  /** Writers at once, each with a document of its own. */
  readonly writers: number;
  /** Times that each replaces its document. */
  readonly writes: number;
  /** Bytes of a body, about. */
  readonly bytes: number;
}

/** A body as an aggregate's is: some fields, an outbox of texts. */
export function bodyOf(bytes: number, n: number): Json {
  const entry = { type: 'relearn.turn.started.v1', subject: 'x'.repeat(60) };
  return { n, applied: { 'tester/a/control': n }, outbox: Array.from({ length: Math.ceil(bytes / 110) }, () => entry) };
}

function idsOf({ writers }: Load): string[] {
  return Array.from({ length: writers }, (_, n) => `writer-${String(n).padStart(4, '0')}`);
}

export async function createAll(load: Load): Promise<void> {
  await Promise.all(idsOf(load).map((id) => load.store.create(load.collection, id, bodyOf(load.bytes, 0))));
}

/** Every writer reads its document once and then replaces it again and again, each time the version that it wrote last. */
export async function replaceAll(load: Load): Promise<void> {
  const { store, collection, writes, bytes } = load;
  const replace = async (id: string) => {
    let version = (await store.get(collection, id))?.version ?? 0;
    for (let n = 1; n <= writes; n++)
      version = (await store.replace(collection, id, version, bodyOf(bytes, n))).version;
  };
  await Promise.all(idsOf(load).map(replace));
}

/** As many reads as `replaceAll` has writes. */
export async function readAll(load: Load): Promise<void> {
  const { store, collection, writes } = load;
  const read = async (id: string) => {
    for (let n = 0; n < writes; n++) await store.get(collection, id);
  };
  await Promise.all(idsOf(load).map(read));
}
