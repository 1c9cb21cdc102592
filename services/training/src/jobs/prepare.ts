import type { PipelineSpec } from '@relearn/contracts';
import { assembleDataset, type Dataset, type SnapshotManifest } from '@relearn/features';

export interface PrepareInput {
  readonly spec: PipelineSpec;
  readonly manifest: SnapshotManifest;
  /** By shard of the manifest: the bytes of its segments in order. */
  readonly segments: readonly (readonly Uint8Array[])[];
}

/** Worker job: joins rows and labels of a snapshot into shared memory. */
export function run(input: PrepareInput): Dataset {
  return assembleDataset(input.spec, input.manifest, input.segments);
}
