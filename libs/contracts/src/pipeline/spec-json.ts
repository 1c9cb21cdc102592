import { digestOf, RelearnError } from '@relearn/kernel';
import { Compile } from 'typebox/compile';
import { PipelineSpec } from './spec.js';

const validator = Compile(PipelineSpec);

/** The spec that an event or a document carries. Throws INVALID_PIPELINE that names the field. */
export function readPipelineJson(value: unknown): PipelineSpec {
  if (validator.Check(value)) return value;
  const first = [...validator.Errors(value)].find((error) => error.keyword !== 'boolean');
  throw new RelearnError('INVALID_PIPELINE', `no valid pipeline: ${first?.message ?? 'it does not fit its schema'}`, {
    place: { field: first?.instancePath === '' ? '/' : (first?.instancePath ?? '/') },
    remedy: 'Apply the pipeline file anew with this version of Relearn.',
  });
}

/**
 * SHA-256 that changes when the pipeline does: over the canonical JSON of the spec without its description and the files of
 * recorded data, which say nothing of what the pipeline computes.
 */
export function specDigest(spec: PipelineSpec): string {
  const { description: _, source, ...rest } = spec;
  const { files: _files, ...rows } = source.rows;
  const context = Object.entries(source.context).map(([name, { files: _own, ...stream }]) => [name, stream]);
  return digestOf({ ...rest, source: { ...source, rows, context: Object.fromEntries(context) } });
}
