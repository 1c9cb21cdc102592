import { type Static, Type } from '../schema/type.js';
import { FileFeatures, FileLabel, FileSchema, FileSource } from './file-data.js';
import { FileEvaluate, FileMonitor, FileRetrain, FileTrain } from './file-policy.js';
import { FileRollout } from './file-rollout.js';
import { closed, columnNames, optional } from './file-terms.js';

/**
 * The form of a pipeline file, as people write it: the only source of the published JSON Schema, of the check of a file's
 * shape and of the type from which a `PipelineSpec` is made.
 */
export const PipelineFile = Type.Object(
  {
    name: Type.String({
      title: 'a name of small letters, digits, - and _',
      description: 'Name of the pipeline and of its model.',
      pattern: '^[a-z][a-z0-9_-]{0,62}$',
    }),
    description: optional(Type.String({ description: 'For readers.', default: '' })),
    entity: optional(columnNames('What a row is about. Default: source.rows.id.')),
    source: FileSource,
    schema: FileSchema,
    label: FileLabel,
    features: optional(FileFeatures),
    train: optional(FileTrain),
    evaluate: optional(FileEvaluate),
    rollout: optional(FileRollout),
    monitor: optional(FileMonitor),
    retrain: optional(FileRetrain),
  },
  closed,
);
export type PipelineFile = Static<typeof PipelineFile>;

/** JSON Schema (2020-12) of the pipeline file, for editors and other programs. */
export function pipelineJsonSchema(): Record<string, unknown> {
  const schema: Record<string, unknown> = JSON.parse(JSON.stringify(PipelineFile));
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'Relearn pipeline file', ...schema };
}
