import { apiPrefix, type Route } from './route.js';
import { component, components, type JsonSchema } from './schemas.js';

/** The OpenAPI 3.1 document of the routes. */
export function openApi(routes: readonly Route[], version: string): JsonSchema {
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const route of routes) {
    const path = `${apiPrefix}${route.path}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  paths[`${apiPrefix}/stream`] = { get: streamOperation };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Relearn',
      version,
      description:
        'Times are milliseconds since 1970 UTC unless they are texts. The header `relearn-actor` says who asks.',
    },
    paths,
    components: { schemas: components },
  };
}

const failure = {
  description: 'The request failed; the code says why and the remedy what to do.',
  content: { 'application/json': { schema: component('Error') } },
} as const;

function operationOf({ operation, summary, path, query = {}, body, upload, status = 200, answer }: Route): JsonSchema {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: false,
    description,
    schema,
  }));
  const parameters = [...inPath, ...inQuery];
  return {
    operationId: operation,
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    ...(upload === undefined ? {} : { requestBody: { required: true, content: bytes } }),
    responses: {
      [String(status)]: {
        description: 'Done.',
        content: answer === 'file' ? bytes : { 'application/json': { schema: answer } },
      },
      default: failure,
    },
  };
}

const bytes = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } as const;

const streamOperation = {
  operationId: 'stream',
  summary:
    'Server-sent events: the state of a pipeline, or the list of all, at most four a second and only when it changed.',
  parameters: [
    {
      name: 'pipeline',
      in: 'query',
      required: false,
      description: 'Absent: all pipelines.',
      schema: { type: 'string' },
    },
  ],
  responses: {
    '200': {
      description: 'Events `state` (a PipelineState) or `pipelines` (a list of PipelineSummary).',
      content: { 'text/event-stream': { schema: { type: 'string' } } },
    },
    default: failure,
  },
} as const;
