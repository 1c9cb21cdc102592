import { rowStream } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import type { ConsoleDeps } from '../deps.js';
import { replayRoute } from './letter-routes.js';
import { registerRoute } from './plain-routes.js';
import { predictRoute } from './predict-route.js';
import type { Call, Route } from './route.js';
import { boolean, component, integer, list, object, text } from './schemas.js';

/** As the wire to the registry has it. */
const model = { type: 'integer', minimum: 1, maximum: 2 ** 32 - 1 } as const;

/** What can be done. Each is one write of the service that owns it, whose event says who asked. */
export function writingRoutes(deps: ConsoleDeps): readonly Route[] {
  return [...policyRoutes(deps), registerRoute(deps), predictRoute(deps), ...dataRoutes(deps), replayRoute(deps)];
}

/** The name of a pipeline, or of a model that no pipeline owns: their aliases move alike. Throws NOT_FOUND. */
function ownerOf({ ports, view }: Pick<ConsoleDeps, 'ports' | 'view'>, { params }: Pick<Call, 'params'>): string {
  const { name = '' } = params;
  return ports.catalog.plain(name) === undefined ? view.pipeline(name).name : name;
}

function policyRoutes(deps: ConsoleDeps): readonly Route[] {
  const { view, registry, monitoring, parse } = deps;
  return [
    {
      method: 'POST',
      path: '/pipelines',
      operation: 'applyPipeline',
      summary: 'Makes a pipeline file the version in force; the same again changes nothing.',
      body: object(
        {
          file: { type: 'string', description: 'The YAML text.' },
          name: { type: 'string', description: 'The name that errors show.' },
        },
        ['name'],
      ),
      status: 200,
      answer: object({ pipeline: text, version: integer, changed: boolean }),
      async handle({ body, actor }) {
        const { file, name = 'pipeline.yaml' } = body;
        // Here every error keeps its place; the registry reads the text again.
        parse(String(file), String(name));
        return await registry.apply(String(file), String(name), actor);
      },
    },
    {
      method: 'POST',
      path: '/pipelines/{name}/promote',
      operation: 'promoteModel',
      summary: 'Makes a model version the champion, if its gate record allows it.',
      body: object({ model }),
      answer: object({ pipeline: text, champion: integer }),
      async handle({ params, body, actor }) {
        const name = ownerOf(deps, { params });
        await registry.promote(name, Number(body['model']), actor);
        return { pipeline: name, champion: Number(body['model']) };
      },
    },
    {
      method: 'POST',
      path: '/pipelines/{name}/rollback',
      operation: 'rollBack',
      summary:
        'Back to the former champion that is named; without one back to what answered before: the end of a rollout, else the champion before.',
      body: object({ model, reason: { type: 'string', minLength: 1 } }, ['model']),
      answer: object({ pipeline: text, rolledBack: boolean }),
      async handle({ params, body, actor }) {
        const name = ownerOf(deps, { params });
        const wanted = body['model'];
        await registry.rollBack(name, wanted === undefined ? null : Number(wanted), String(body['reason']), actor);
        return { pipeline: name, rolledBack: true };
      },
    },
    ...pinRoutes(deps),
    {
      method: 'POST',
      path: '/pipelines/{name}/retrain',
      operation: 'requestRetrain',
      summary: 'Asks for a turn; one that runs is superseded.',
      body: object({}),
      status: 202,
      answer: object({ pipeline: text, request: text }),
      async handle({ params, actor }) {
        const { name } = view.pipeline(params['name'] ?? '');
        return { pipeline: name, request: await monitoring.requestRetrain(name, actor) };
      },
    },
  ];
}

function pinRoutes(deps: Pick<ConsoleDeps, 'ports' | 'view' | 'registry'>): readonly Route[] {
  const { registry } = deps;
  const route = (
    what: 'pin' | 'unpin',
    summary: string,
    write: (name: string, reason: string, actor: string) => Promise<void>,
  ): Route => ({
    method: 'POST',
    path: `/pipelines/{name}/${what}`,
    operation: `${what}Champion`,
    summary,
    body: object({ reason: { type: 'string', minLength: 1 } }),
    answer: object({ pipeline: text, pinned: boolean }),
    async handle({ params, body, actor }) {
      const name = ownerOf(deps, { params });
      await write(name, String(body['reason']), actor);
      return { pipeline: name, pinned: what === 'pin' };
    },
  });
  return [
    route(
      'pin',
      'Nothing moves the champion alias until it is unpinned: turns register models and promote none. Ends a rollout.',
      (...all) => registry.pin(...all),
    ),
    route('unpin', 'The champion alias may move again.', (...all) => registry.unpin(...all)),
  ];
}

function dataRoutes({ view, replay, ingest }: ConsoleDeps): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/pipelines/{name}/files',
      operation: 'ingestFile',
      summary:
        'Writes a data file of this machine to the pipeline; written twice it is taken once. Answers when it is durable.',
      body: object(
        {
          file: { type: 'string', description: 'Path of the file on the machine that serves.' },
          stream: { type: 'string', description: 'The stream; `rows` by default.' },
        },
        ['stream'],
      ),
      answer: object({
        published: integer,
        rejected: object({ count: integer, first: list({}) }),
        undeclared: list(text),
      }),
      handle({ params, body }) {
        if (ingest === undefined) throw new RelearnError('UNIMPLEMENTED', 'this process takes no files');
        const { file, stream = rowStream } = body;
        return ingest(view.pipeline(params['name'] ?? '').name, String(file), String(stream));
      },
    },
    {
      method: 'POST',
      path: '/replays',
      operation: 'startReplay',
      summary: 'Applies a pipeline file of this machine and replays the data that it names.',
      body: object(
        {
          file: { type: 'string', description: 'Path of the file on the machine that serves.' },
          speed: { type: 'number', exclusiveMinimum: 0, description: 'Business time in multiples of machine time.' },
        },
        ['speed'],
      ),
      status: 202,
      answer: component('Replay'),
      handle({ body }) {
        if (replay === undefined) throw new RelearnError('UNIMPLEMENTED', 'this process replays nothing');
        return replay.start(String(body['file']), body['speed'] === undefined ? null : Number(body['speed']));
      },
    },
  ];
}
