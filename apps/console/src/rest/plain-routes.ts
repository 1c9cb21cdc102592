import type { ConsoleDeps } from '../deps.js';
import type { Route } from './route.js';
import { component, integer, list, object, text } from './schemas.js';

/** Largest file that is taken, bytes: what the registry takes, and a little, so that it says what is wrong. */
const mostUploadBytes = 201 * 1024 * 1024;

/** Models that no pipeline owns, to be looked at. */
export function plainReadingRoutes({ view }: Pick<ConsoleDeps, 'view'>): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/models',
      operation: 'listPlainModels',
      summary: 'Models that no pipeline owns, with their versions, the newest first.',
      answer: object({ models: list(component('PlainModel')) }),
      handle: () => ({ models: view.plain() }),
    },
    {
      method: 'GET',
      path: '/models/{name}',
      operation: 'getPlainModel',
      summary: 'A model that no pipeline owns, with its versions, the newest first.',
      answer: component('PlainModel'),
      handle: ({ params }) => view.plainModel(params['name'] ?? ''),
    },
  ];
}

export function registerRoute({ registry }: Pick<ConsoleDeps, 'registry'>): Route {
  return {
    method: 'POST',
    path: '/models/{name}',
    operation: 'registerModel',
    summary:
      'Puts an ONNX file under a name that no pipeline owns, as its next version. It is loaded and asked before anything is written.',
    query: {
      alias: { type: 'string', description: 'champion: it answers requests that name no version from now on.' },
    },
    upload: mostUploadBytes,
    status: 201,
    answer: object({ name: text, model: integer, bundle: text, champion: integer }),
    async handle({ params, query, bytes, actor }) {
      const { name = '' } = params;
      return { name, ...(await registry.registerModel(name, bytes, String(query['alias'] ?? ''), actor)) };
    },
  };
}
