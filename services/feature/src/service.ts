import { deciderPart, foldPart, type Ports, type RunningService } from '@relearn/runtime';
import type { Json } from '@relearn/store';
import { snapshotDecider } from './domain/snapshots.js';
import { assembleSnapshot, type SnapshotInput } from './handlers/assemble-snapshot.js';
import { computeFeatures, type FeatureShard } from './handlers/compute-features.js';
import { type FeaturesHandlers, featuresHandlers } from './rpc/features.js';
import { type OnlineReader, onlineReader } from './rpc/get-online.js';

/** Feature: valid rows in, feature rows out; keeps the offline log and cuts each turn's snapshot from it. */
export function createFeature(
  ports: Ports,
): RunningService & { readonly rpc: FeaturesHandlers; readonly online: OnlineReader } {
  const shards = new Map<number, FeatureShard>();
  const fold = computeFeatures(shards);
  const decider = snapshotDecider({
    run: async (input, context) =>
      (await assembleSnapshot(input as unknown as SnapshotInput, context)) as unknown as Json,
  });
  const online = onlineReader(ports.catalog, shards);
  return {
    manifest: {
      name: 'feature',
      consumes: ['data.valid', 'control'],
      produces: ['features', 'control'],
      collections: [],
    },
    parts: [foldPart(ports, fold), deciderPart(ports, decider)],
    deciders: [decider],
    folds: [fold],
    rpc: featuresHandlers(online),
    online,
  };
}
