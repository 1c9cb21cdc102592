import { type Cut, positionOf } from '@relearn/contracts';
import {
  cutSegment,
  decodeSegment,
  encodeSegment,
  featureColumns,
  featureSetHash,
  type Segment,
  type SegmentRef,
  segmentSize,
  type SnapshotManifest,
} from '@relearn/features';
import { canonicalJson, digestOf, RelearnError } from '@relearn/kernel';
import type { Snapshot } from '../domain/snapshots.js';
import type { SavedPipeline } from './compute-features.js';
import { type Checkpoint, type JobContext, partBytes, type Ports, readCheckpoint } from '@relearn/runtime';

export interface SnapshotInput {
  readonly pipeline: string;
  readonly pipelineVersion: number;
  readonly cut: Cut;
}

interface ShardLog {
  readonly shard: number;
  readonly cut: number;
  readonly segments: string[];
  readonly rows: number;
  readonly labels: number;
  readonly from: number;
  readonly to: number;
}

const text = new TextEncoder();
const utf8 = new TextDecoder();
const pollMs = 20;

/**
 * Waits until every shard's checkpoint stands at or past the cut, then writes the manifest of all that was known at it.
 * The shards' segments do not depend on how the log was read, so neither does the data's hash.
 */
export async function assembleSnapshot(input: SnapshotInput, { ports, signal }: JobContext): Promise<Snapshot> {
  const { spec } = await ports.catalog.known(input.pipeline, input.pipelineVersion, signal);
  const featureSet = featureSetHash(spec);
  const logs: ShardLog[] = [];
  for (const [shard, cut] of Object.entries(input.cut).sort(([a], [b]) => Number(a) - Number(b))) {
    logs.push(await readShard({ shard: Number(shard), cut, pipeline: input.pipeline, featureSet }, ports, signal));
  }
  const filled = logs.filter((log) => log.rows > 0);
  const manifest: SnapshotManifest = {
    pipeline: input.pipeline,
    pipelineVersion: input.pipelineVersion,
    featureSet,
    features: featureColumns(spec),
    shards: logs.map(({ shard, cut, segments }) => ({ shard, cut, segments })),
    rows: logs.reduce((sum, log) => sum + log.rows, 0),
    labels: logs.reduce((sum, log) => sum + log.labels, 0),
    from: filled.reduce((time, log) => Math.min(time, log.from), Number.MAX_SAFE_INTEGER),
    to: filled.reduce((time, log) => Math.max(time, log.to), 0),
  };
  return {
    manifest: await ports.blobs.put(text.encode(canonicalJson(manifest))),
    dataHash: digestOf({ featureSet, segments: logs.map((log) => log.segments) }),
    rows: manifest.rows,
    labelled: manifest.labels,
    from: manifest.from,
    to: manifest.to,
  };
}

/** What is asked of one shard. */
interface Wanted {
  readonly shard: number;
  readonly cut: number;
  readonly pipeline: string;
  readonly featureSet: string;
}

async function readShard(wanted: Wanted, ports: Ports, signal: AbortSignal): Promise<ShardLog> {
  for (;;) {
    if (signal.aborted) throw new RelearnError('CANCELLED', 'the snapshot was cancelled');
    const checkpoint = await readCheckpoint(ports.store, 'feature', wanted.shard);
    const reached = (checkpoint?.positions['data.valid'] ?? 0) > positionOf(wanted.cut);
    if (checkpoint !== null && reached) {
      const log = await readParts(wanted, checkpoint.parts, ports);
      if (log !== null) return log;
    }
    await ports.kernel.clock.sleep(pollMs, signal);
  }
}

/**
 * Null when the checkpoint's parts have been replaced meanwhile, or still hold an older feature set: the fold changes
 * over with the first event of the new version. Then a newer checkpoint is read.
 */
async function readParts(wanted: Wanted, parts: Checkpoint['parts'], ports: Ports): Promise<ShardLog | null> {
  const { shard, cut, pipeline } = wanted;
  const [index, tail] = [parts[`${pipeline}/segments`], parts[`${pipeline}/tail`]];
  if (index === undefined || tail === undefined)
    return { shard, cut, segments: [], rows: 0, labels: 0, from: 0, to: 0 };
  let indexBytes: Uint8Array;
  let tailBytes: Uint8Array;
  try {
    [indexBytes, tailBytes] = [partBytes(await ports.blobs.get(index)), partBytes(await ports.blobs.get(tail))];
  } catch (thrown) {
    if (RelearnError.from(thrown).code === 'NOT_FOUND') return null;
    throw thrown;
  }
  const { featureSet, segments } = JSON.parse(utf8.decode(indexBytes)) as SavedPipeline;
  if (featureSet !== wanted.featureSet) return null;
  const whole = segments.filter((segment) => segment.to <= cut);
  const crossing = segments.find((segment) => segment.from <= cut && segment.to > cut);
  const rest =
    crossing === undefined ? decodeSegment(tailBytes) : decodeSegment(await ports.blobs.get(crossing.digest));
  const last = cutSegment(rest, cut);
  const digests = whole.map((segment) => segment.digest);
  if (segmentSize(last) > 0) digests.push(await ports.blobs.put(encodeSegment(last)));
  const first = whole[0] === undefined ? last : decodeSegment(await ports.blobs.get(whole[0].digest));
  return {
    shard,
    cut,
    segments: digests,
    rows: whole.reduce((sum, segment) => sum + segment.rows, last.ids.length),
    labels: whole.reduce((sum, segment) => sum + segment.labels, last.labels.at.length),
    from: first.times[0] ?? 0,
    to: lastTime(last) ?? (await lastTimeOf(whole, ports.blobs)),
  };
}

function lastTime(segment: Segment): number | undefined {
  return segment.times.at(-1);
}

async function lastTimeOf(segments: readonly SegmentRef[], blobs: Ports['blobs']): Promise<number> {
  const last = segments.findLast((segment) => segment.rows > 0);
  return last === undefined ? 0 : (lastTime(decodeSegment(await blobs.get(last.digest))) ?? 0);
}
