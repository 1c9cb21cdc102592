import type { Blobs } from '@relearn/blobs';
import { datasetSnapshotted, modelRegistered } from '@relearn/contracts';
import type { SnapshotManifest } from '@relearn/features';
import { RelearnError } from '@relearn/kernel';
import type { Breath, Invariant, Report } from '../invariant.js';
import { moveOf } from './moves.js';

const utf8 = new TextDecoder();

interface Named {
  readonly pipeline: string;
  readonly event: string;
  readonly what: string;
}

/** A file of a bundle that names the data a version was made from; nobody knows that of a model that was registered by hand. */
interface Lineage {
  readonly data?: { readonly manifest: string };
}

/**
 * Every digest that a version names can be fetched, and its bytes fit it: the bundle, each of its files, the reference, and
 * the snapshot it was trained on with all segments. Each digest is fetched once.
 */
export function digestsCanBeFetched(blobs: Blobs): Invariant {
  const bundles = new Map<string, Named>();
  const snapshots = new Map<string, Named>();
  const files = new Map<string, Named>();
  return {
    name: 'every digest can be fetched',
    topics: ['control'],
    take(event) {
      const { pipeline, id } = event;
      const add = (to: Map<string, Named>, digest: string, what: string) => {
        if (!to.has(digest)) to.set(digest, { pipeline, event: id, what });
      };
      if (modelRegistered.is(event)) add(bundles, event.data.bundle, `the bundle of model ${event.data.model}`);
      if (datasetSnapshotted.is(event)) add(snapshots, event.data.manifest, `the snapshot of turn ${event.data.turn}`);
      const move = moveOf(event);
      if (move === null) return;
      add(bundles, move.data.bundle, `the bundle of model ${move.data.model}`);
      const { reference, model } = move.data;
      if (reference !== undefined) add(files, reference, `the reference of model ${model}`);
    },
    async finish(report, breath) {
      const fetching = { blobs, report, breath };
      for (const [digest, named] of bundles) await addBundle(digest, named, snapshots, files, fetching);
      for (const [digest, named] of snapshots) {
        const manifest = await json<SnapshotManifest>(digest, named, fetching);
        for (const segment of manifest?.shards.flatMap((shard) => shard.segments) ?? []) {
          if (!files.has(segment)) files.set(segment, { ...named, what: `a segment of ${named.what}` });
        }
      }
      for (const [digest, named] of files) await fetched(digest, named, fetching);
    },
  };
}

interface Fetching {
  readonly blobs: Blobs;
  readonly report: Report;
  readonly breath: Breath;
}

async function addBundle(
  digest: string,
  named: Named,
  snapshots: Map<string, Named>,
  files: Map<string, Named>,
  fetching: Fetching,
): Promise<void> {
  const bundle = await json<{ files: Record<string, string> }>(digest, named, fetching);
  for (const [name, file] of Object.entries(bundle?.files ?? {})) {
    const what = `${name} in ${named.what}`;
    if (name !== 'lineage.json') {
      files.set(file, { ...named, what });
      continue;
    }
    const lineage = await json<Lineage>(file, { ...named, what }, fetching);
    const manifest = lineage?.data?.manifest;
    if (manifest !== undefined) snapshots.set(manifest, { ...named, what: `the snapshot in ${what}` });
  }
}

async function fetched(
  digest: string,
  { pipeline, event, what }: Named,
  fetching: Fetching,
): Promise<Uint8Array | null> {
  await fetching.breath();
  try {
    return await fetching.blobs.get(digest);
  } catch (thrown) {
    const error = RelearnError.from(thrown);
    if (error.retryable) throw error;
    fetching.report({ pipeline, event, message: `${what} (${digest}) cannot be fetched: ${error.message}` });
    return null;
  }
}

async function json<T>(digest: string, named: Named, fetching: Fetching): Promise<T | null> {
  const bytes = await fetched(digest, named, fetching);
  if (bytes === null) return null;
  try {
    return JSON.parse(utf8.decode(bytes)) as T;
  } catch {
    fetching.report({ pipeline: named.pipeline, event: named.event, message: `${named.what} (${digest}) is not JSON` });
    return null;
  }
}
