import type { Blobs } from '@relearn/blobs';
import {
  dataQuarantined,
  datasetSnapshotted,
  dataValidated,
  recordsOf,
  type RowAddress,
  rowAddress,
  rowStream,
} from '@relearn/contracts';
import { decodeSegment, type SnapshotManifest } from '@relearn/features';
import { type Breath, type Invariant, PerPipeline } from '../invariant.js';

interface Pipeline {
  /** Ids of quarantined rows, each with the addresses at which it was valid another time. */
  readonly quarantined: Map<string, RowAddress[]>;
  /** Manifests by digest with the event that names them. */
  readonly snapshots: Map<string, string>;
}

/** By partition: the addresses of `data.valid` that this run has read, from the first kept one on. */
export type ReadRange = (partition: number) => { readonly from: RowAddress; readonly below: RowAddress };

/**
 * No quarantined row is in a snapshot. A row that was quarantined and later sent again, then valid, may be there: its
 * address in `data.valid` tells. Rows whose address is no longer kept, or not read yet, cannot be judged.
 */
export function quarantinedRowsStayOut(blobs: Blobs, readRange: ReadRange): Invariant {
  const pipelines = new PerPipeline<Pipeline>(() => ({ quarantined: new Map(), snapshots: new Map() }));
  return {
    name: 'no quarantined row in a snapshot',
    topics: ['control', 'data.quarantine', 'data.valid'],
    take(event, fromRow) {
      const { quarantined, snapshots } = pipelines.of(event.pipeline);
      if (datasetSnapshotted.is(event)) snapshots.set(event.data.manifest, event.id);
      else if (dataQuarantined.is(event)) {
        for (const { id, stream } of event.data.records.slice(fromRow))
          if (stream === rowStream) quarantined.set(id, []);
      } else if (dataValidated.is(event) && quarantined.size > 0) {
        for (const { id, stream, index } of recordsOf(event.data)) {
          if (stream === rowStream && index >= fromRow) quarantined.get(id)?.push(rowAddress(event.position, index));
        }
      }
    },
    async finish(report, breath) {
      for (const [pipeline, { quarantined, snapshots }] of pipelines.all()) {
        if (quarantined.size === 0) continue;
        for await (const { id, at, shard, event } of rowsOf(snapshots, blobs, breath)) {
          const valid = quarantined.get(id);
          const { from, below } = readRange(shard);
          if (valid === undefined || at < from || at >= below || valid.includes(at)) continue;
          report({ pipeline, message: `the quarantined row ${id} is in a snapshot`, event });
        }
      }
    },
  };
}

interface SnapshotRow {
  readonly id: string;
  readonly at: RowAddress;
  readonly shard: number;
  readonly event: string;
}

/** The rows of all snapshots, each segment once. What cannot be fetched is left to the check of digests. */
async function* rowsOf(
  snapshots: ReadonlyMap<string, string>,
  blobs: Blobs,
  breath: Breath,
): AsyncGenerator<SnapshotRow> {
  const seen = new Set<string>();
  for (const [digest, event] of snapshots) {
    const manifest = await readable(
      blobs,
      digest,
      (bytes) => JSON.parse(new TextDecoder().decode(bytes)) as SnapshotManifest,
    );
    for (const { shard, segments } of manifest?.shards ?? []) {
      for (const name of segments) {
        if (seen.has(name)) continue;
        seen.add(name);
        await breath();
        const segment = await readable(blobs, name, decodeSegment);
        for (const [index, id] of segment?.ids.entries() ?? [])
          yield { id, at: segment?.at[index] ?? -1, shard, event };
      }
    }
  }
}

async function readable<T>(blobs: Blobs, digest: string, decode: (bytes: Uint8Array) => T): Promise<T | null> {
  if (!(await blobs.has(digest))) return null;
  try {
    return decode(await blobs.get(digest));
  } catch {
    return null;
  }
}
