import type { Cell } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import type { Catalog } from '@relearn/runtime';
import type { FeatureShard } from '../handlers/compute-features.js';

export type OnlineStatus = 'PRESENT' | 'NOT_FOUND';

export interface OnlineFeatures {
  readonly status: OnlineStatus;
  /** Event id and time (ms) of the entity's last row. */
  readonly id: string | null;
  readonly time: number | null;
  /** Event time (ms) up to which windowed and joined features have seen the data. */
  readonly asOf: number | null;
  readonly features: Readonly<Record<string, Cell>>;
}

/**
 * Reads the last features of an entity by its key values. Throws NOT_FOUND for an unknown pipeline, INVALID_INPUT for missing
 * keys, UNAVAILABLE where the entity may be in a shard that another instance has.
 */
export type OnlineReader = (pipeline: string, keys: Readonly<Record<string, Cell>>) => OnlineFeatures;

export function onlineReader(catalog: Catalog, shards: ReadonlyMap<number, FeatureShard>): OnlineReader {
  return (pipeline, keys) => {
    const applied = catalog.latest(pipeline);
    if (applied === undefined) throw new RelearnError('NOT_FOUND', `no pipeline '${pipeline}'`);
    const values = applied.spec.entity.map((column) => {
      const value = keys[column];
      if (value === undefined || value === null) {
        throw new RelearnError('INVALID_INPUT', `the entity's key column is missing`, { place: { field: column } });
      }
      return String(value);
    });
    for (const shard of applied.shards) {
      const state = shards.get(shard)?.get(pipeline);
      const row = state?.online.get(values) ?? null;
      if (row === null || state === undefined) continue;
      const now = Object.entries(state.current(keys)).filter(([, value]) => value !== null);
      return {
        status: 'PRESENT',
        id: row.id,
        time: row.time,
        asOf: state.watermark(),
        features: { ...row.features, ...Object.fromEntries(now) },
      };
    }
    const elsewhere = applied.shards.filter((shard) => !shards.has(shard));
    if (elsewhere.length > 0) {
      throw new RelearnError('UNAVAILABLE', `shards ${elsewhere.join(', ')} of '${pipeline}' are not here`, {
        remedy: 'Ask again, or another instance of the feature service: one of them has the shard.',
      });
    }
    return { status: 'NOT_FOUND', id: null, time: null, asOf: null, features: {} };
  };
}
