import type { PipelineSpec } from '@relearn/contracts';
import { digestOf } from '@relearn/kernel';
import { planFeatures } from './plan/plan.js';

/** Raised when the same feature set comes to mean something else: states and logged values are then not comparable. */
const engineVersion = 1;

/** Names and types of the features, in the order of the pipeline file. */
export function featureColumns(spec: PipelineSpec): { name: string; type: 'number' | 'category' }[] {
  return spec.features.map(({ name, type }) => ({ name, type }));
}

const hashes = new WeakMap<PipelineSpec, string>();

/**
 * SHA-256 of all that feature values depend on: features, label, lateness, the event-time columns, and the types of
 * the columns that features read. Remembered for the object, which must not be changed afterwards.
 * Throws INVALID_PIPELINE when an expression does not parse.
 */
export function featureSetHash(spec: PipelineSpec): string {
  let hash = hashes.get(spec);
  if (hash === undefined) {
    hash = computeHash(spec);
    hashes.set(spec, hash);
  }
  return hash;
}

function computeHash(spec: PipelineSpec): string {
  const { columns, contextColumns } = planFeatures(spec);
  const types = columns.map(({ name }) => [name, spec.schema.columns[name]?.type ?? null]);
  const context = [...contextColumns].map(([stream, read]) => [
    stream,
    spec.source.context[stream]?.time ?? null,
    read.map(({ name }) => [name, spec.schema.context[stream]?.[name]?.type ?? null]),
  ]);
  return digestOf({
    engineVersion,
    features: spec.features,
    label: spec.label,
    lateness: spec.source.lateness,
    time: spec.source.rows.time,
    types,
    context,
  });
}
