import { RelearnError } from '@relearn/kernel';
import type { ConsoleDeps } from '../deps.js';
import type { Route } from './route.js';
import { list, nullable, object, text } from './schemas.js';

/** Checked below: a schema that allows several types would make texts of numbers. */
const cells = {
  type: 'object',
  additionalProperties: true,
  description: 'By name a text, a number, true or false, or null.',
} as const;
const freshness = object({ event_id: text, time: text, as_of: text });

type Cells = Readonly<Record<string, string | number | boolean | null>>;

interface Body {
  readonly rows: readonly { readonly entity?: Cells; readonly columns?: Cells; readonly event_id?: string }[];
  readonly version?: string;
  readonly id?: string;
}

/** Predictions by entity and by names of columns; tensors are asked for under `/v2`. */
export function predictRoute({ serving }: Pick<ConsoleDeps, 'serving'>): Route {
  return {
    method: 'POST',
    path: '/pipelines/{name}/predict',
    operation: 'predict',
    summary:
      'Predicts rows that are named by their entity, whose online features are taken, by columns, or by both; a column stands in place of the feature of its name.',
    body: object(
      {
        rows: {
          type: 'array',
          minItems: 1,
          maxItems: 1_000,
          items: object({ entity: cells, columns: cells, event_id: text }, ['entity', 'columns', 'event_id']),
        },
        version: { type: 'string', description: 'A number, champion or challenger; absent: the version in force.' },
        id: { type: 'string', description: 'Keeps the request with one model while another is rolled out.' },
      },
      ['version', 'id'],
    ),
    answer: object({
      pipeline: text,
      version: text,
      arm: { enum: ['champion', 'challenger'] },
      rows: list(object({ outputs: cells, features: nullable(freshness) })),
    }),
    async handle({ params, body }) {
      const { name: pipeline = '' } = params;
      const { rows, version = '', id = '' } = body as unknown as Body;
      const wanted = rows.map(({ entity = {}, columns = {}, event_id: eventId = '' }, index) => {
        checkCells({ ...entity, ...columns }, index);
        return { entity, columns, eventId };
      });
      const answer = await serving.predict({ pipeline, version, id, rows: wanted });
      return {
        pipeline,
        version: answer.version,
        arm: answer.arm,
        rows: answer.rows.map(({ outputs, features }) => ({
          outputs,
          features:
            features === null ? null : { event_id: features.eventId, time: features.time, as_of: features.asOf },
        })),
      };
    },
  };
}

function checkCells(given: Readonly<Record<string, unknown>>, row: number): void {
  for (const [name, cell] of Object.entries(given)) {
    if (cell !== null && typeof cell === 'object')
      throw new RelearnError('INVALID_INPUT', `row ${row}: '${name}' is no single value`);
  }
}
