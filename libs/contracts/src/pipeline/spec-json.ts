import { digestOf, RelearnError } from '@relearn/kernel';
import { Validator } from '../schema/validator.js';
import { PipelineSpec } from './spec.js';

const validator = new Validator(PipelineSpec);

/** The spec that an event or a document carries. Throws INVALID_PIPELINE that names the field. */
export function readPipelineJson(value: unknown): PipelineSpec {
  if (validator.fits(value)) return value;
  const { field = '', message = 'does not fit its schema' } = validator.faultOf(value) ?? {};
  throw new RelearnError('INVALID_PIPELINE', `no valid pipeline: ${message}`, {
    place: { field: field === '' ? '/' : field },
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
