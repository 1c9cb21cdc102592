import { type Topic, topicNames } from '@relearn/contracts';
import type { ConsoleDeps } from '../deps.js';
import type { WindowView } from '../read-model/shapes.js';
import { bundleRoutes } from './bundle-routes.js';
import { readEvents } from './event-log.js';
import { letterRoutes } from './letter-routes.js';
import { limitOf, numberIn, textIn } from './query.js';
import { plainReadingRoutes } from './plain-routes.js';
import type { Call, Route } from './route.js';
import { component, list, nullable, number, object, text } from './schemas.js';

const windowQuery = {
  from: { type: 'number', description: 'Only windows that start at this time or later, ms since 1970 UTC.' },
  limit: limitOf(2_000, 2_000),
} as const;

type ReadDeps = Pick<ConsoleDeps, 'ports' | 'view' | 'audit' | 'verify' | 'work' | 'replay' | 'version'>;

/** What can be looked at. */
export function readingRoutes(deps: ReadDeps): readonly Route[] {
  return [
    ...pipelineRoutes(deps),
    ...plainReadingRoutes(deps),
    ...bundleRoutes(deps),
    ...platformRoutes(deps),
    ...letterRoutes(deps),
  ];
}

function pipelineRoutes({ view }: ReadDeps): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/pipelines',
      operation: 'listPipelines',
      summary: 'All pipelines with the model that serves and the running turn.',
      answer: object({ pipelines: list(component('PipelineSummary')) }),
      handle: () => ({ pipelines: view.list() }),
    },
    {
      method: 'GET',
      path: '/pipelines/{name}',
      operation: 'getPipeline',
      summary: "One pipeline's state: the eight stages with their counts, the conservation sum, alarms.",
      answer: component('PipelineState'),
      handle: ({ params }) => view.state(params['name'] ?? ''),
    },
    {
      method: 'GET',
      path: '/pipelines/{name}/models',
      operation: 'listModels',
      summary: 'Model versions, the newest first.',
      answer: object({ models: list(component('Model')) }),
      handle: ({ params }) => ({
        models: view
          .pipeline(params['name'] ?? '')
          .models.list()
          .toReversed(),
      }),
    },
    {
      method: 'GET',
      path: '/pipelines/{name}/turns',
      operation: 'listTurns',
      summary: 'Retrain requests and their turns with gates and outcomes, the newest first.',
      query: { limit: limitOf(1_000, 100) },
      answer: object({ turns: list(component('Turn')) }),
      handle: ({ params, query }) => ({
        turns: view
          .pipeline(params['name'] ?? '')
          .turns.list()
          .toReversed()
          .slice(0, numberIn(query, 'limit', 100)),
      }),
    },
    {
      method: 'GET',
      path: '/pipelines/{name}/windows',
      operation: 'listWindows',
      summary: 'Monitoring windows with realised quality and the state of drift, in their order.',
      query: windowQuery,
      answer: object({ windows: list(component('Window')) }),
      handle: (call) => ({
        windows: windowsFor(view.pipeline(call.params['name'] ?? '').windows.list(), call).map(withoutFeatures),
      }),
    },
    {
      method: 'GET',
      path: '/pipelines/{name}/drift',
      operation: 'listDrift',
      summary: 'Drift by feature and window.',
      query: windowQuery,
      answer: object({ features: list(component('FeatureDrift')) }),
      handle: (call) => ({
        features: driftByFeature(windowsFor(view.pipeline(call.params['name'] ?? '').windows.list(), call)),
      }),
    },
  ];
}

function platformRoutes({ ports, view, audit, verify, work, replay, version }: ReadDeps): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/events',
      operation: 'listEvents',
      summary: 'Events of a topic in the order of the log, each once. Events of rows come without their data.',
      query: {
        topic: { enum: topicNames, default: 'control', description: 'The topic; control by default.' },
        pipeline: { type: 'string', description: 'Only events of this pipeline.' },
        from: { type: 'string', description: 'The `next` of an earlier answer; absent: the newest events.' },
        limit: limitOf(1_000, 100),
      },
      answer: object({ events: list(component('Event')), next: text }),
      handle: ({ query }) =>
        readEvents(ports.bus, {
          topic: topicIn(query),
          pipeline: textIn(query, 'pipeline'),
          from: textIn(query, 'from'),
          limit: numberIn(query, 'limit', 100),
        }),
    },
    {
      method: 'GET',
      path: '/audit',
      operation: 'audit',
      summary: 'Folds the whole log and checks the invariants.',
      answer: component('Audit'),
      handle: () => audit(),
    },
    {
      method: 'GET',
      path: '/state',
      operation: 'verifyState',
      summary:
        'Folds every state again from log and blobs: hashes of what is stored and of what that gives, and where they first differ.',
      answer: object({ stored: component('StateHash'), rebuilt: component('StateHash'), difference: nullable(text) }),
      handle: () => verify(),
    },
    {
      method: 'GET',
      path: '/status',
      operation: 'getStatus',
      summary:
        'What runs: pipelines, records that wait, jobs (turns, where services have processes of their own), replays.',
      answer: object({
        version: text,
        instance: text,
        bus: text,
        store: text,
        behind: number,
        jobs: number,
        pipelines: list(component('PipelineSummary')),
        replays: list(component('Replay')),
      }),
      handle: async () => ({
        version,
        instance: ports.instance,
        bus: ports.bus.features.name,
        store: ports.store.features.name,
        ...(await work()),
        pipelines: view.list(),
        replays: replay?.status() ?? [],
      }),
    },
  ];
}

function windowsFor(windows: readonly WindowView[], { query }: Call): readonly WindowView[] {
  const from = numberIn(query, 'from', Number.NEGATIVE_INFINITY);
  const wanted = windows.filter((window) => window.start >= from);
  const limit = numberIn(query, 'limit', wanted.length);
  return query['from'] === undefined ? wanted.slice(Math.max(0, wanted.length - limit)) : wanted.slice(0, limit);
}

function withoutFeatures(window: WindowView) {
  if (window.drift === null) return window;
  const { features: _, ...drift } = window.drift;
  return { ...window, drift };
}

function driftByFeature(windows: readonly WindowView[]) {
  const points = new Map<string, object[]>();
  for (const { start, end, drift } of windows) {
    for (const { feature, ...point } of drift?.features ?? []) {
      const known = points.get(feature) ?? [];
      points.set(feature, known);
      known.push({ start, end, ...point });
    }
  }
  return [...points].map(([feature, list]) => ({ feature, points: list }));
}

type Query = Call['query'];

function topicIn(query: Query): Topic {
  return topicNames.find((topic) => topic === query['topic']) ?? 'control';
}
