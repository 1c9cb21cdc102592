import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { asyncApi } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import type { ConsoleDeps } from '../deps.js';
import { ConsoleView } from '../read-model/console-view.js';
import { answerOf } from './errors.js';
import { openApi } from './openapi.js';
import { readingRoutes } from './reading-routes.js';
import { apiPrefix, type Call, type Route } from './route.js';
import { text } from './schemas.js';
import { updateStream, type UpdateStream } from './stream.js';
import { writingRoutes } from './writing-routes.js';

/** Adds the REST API, its OpenAPI document, the AsyncAPI document of the events and the stream of updates under `/api/v1`. */
export function registerConsoleRoutes(app: FastifyInstance, deps: ConsoleDeps): void {
  const routes = [...readingRoutes(deps), ...writingRoutes(deps)];
  const document = openApi(routes, deps.version);
  const events = asyncApi(deps.version);
  app.register(
    async (api) => {
      handleErrors(api, deps);
      api.addHook('onRequest', async (request) => refuseOtherSites(request));
      api.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
        done(null, body),
      );
      for (const route of routes) addRoute(api, route);
      api.get('/openapi.json', () => document);
      api.get('/asyncapi.json', () => events);
      addStream(api, deps);
    },
    { prefix: apiPrefix },
  );
}

export interface ReadApi {
  /** Asks as `GET /api/v1{path}` would be asked over HTTP. */
  get(path: string): Promise<{ readonly status: number; readonly body: Uint8Array }>;
  close(): Promise<void>;
}

/** The reading half of the API without a port: for a process that only looks at stores which nobody serves. */
export async function openReadApi(
  deps: Pick<ConsoleDeps, 'ports' | 'audit' | 'verify' | 'work' | 'version'>,
): Promise<ReadApi> {
  const { ports } = deps;
  const view = new ConsoleView(ports);
  await view.start();
  await view.caughtUp();
  const app = fastify({ logger: false });
  handleErrors(app, { ports });
  for (const route of readingRoutes({ ...deps, view })) addRoute(app, route);
  return {
    async get(path) {
      const { statusCode, rawPayload } = await app.inject({ method: 'GET', url: path });
      return { status: statusCode, body: rawPayload };
    },
    async close() {
      await app.close();
      await view.stop();
    },
  };
}

function handleErrors(api: FastifyInstance, deps: Pick<ConsoleDeps, 'ports'>): void {
  api.setErrorHandler((thrown, _request, reply) => sendError(deps, reply, thrown));
  api.setNotFoundHandler((request, reply) =>
    sendError(deps, reply, new RelearnError('NOT_FOUND', `there is no ${request.method} ${request.url}`)),
  );
}

function addRoute(api: FastifyInstance, route: Route): void {
  const { method, path, query, body, upload, status = 200 } = route;
  const properties = query === undefined ? undefined : { querystring: { type: 'object', properties: query } };
  api.route({
    method,
    url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
    ...(upload === undefined ? {} : { bodyLimit: upload }),
    schema: { ...properties, ...(body === undefined ? {} : { body }) },
    async handler(request, reply) {
      const answer = await route.handle(callOf(request));
      return reply.code(status).send(answer);
    },
  });
}

/** The boundary at which fastify, which has checked them by the route's schemas, hands over a request's parts. */
function callOf(request: FastifyRequest): Call {
  const actor = request.headers['relearn-actor'];
  return {
    params: request.params as Call['params'],
    query: request.query as Call['query'],
    body: (request.body ?? {}) as Call['body'],
    bytes: Buffer.isBuffer(request.body) ? request.body : new Uint8Array(),
    actor: typeof actor === 'string' && actor !== '' ? actor.slice(0, 200) : 'rest',
  };
}

/** A page of another site may not write through a visitor's browser. */
function refuseOtherSites(request: FastifyRequest): void {
  const { origin, host } = request.headers;
  if (request.method === 'GET' || origin === undefined || origin === `http://${host}` || origin === `https://${host}`)
    return;
  throw new RelearnError('REFUSED', `a page of ${origin} may not write here`, {
    remedy: 'Use the address of this server itself.',
  });
}

function addStream(api: FastifyInstance, deps: ConsoleDeps): void {
  const open = new Set<UpdateStream>();
  api.addHook('preClose', async () => {
    for (const stream of open) stream.close();
  });
  api.get(
    '/stream',
    { schema: { querystring: { type: 'object', properties: { pipeline: text } } } },
    (request, reply) => {
      const { pipeline } = callOf(request).query;
      const stream = updateStream(deps, pipeline === undefined ? undefined : String(pipeline));
      open.add(stream);
      stream.body.on('close', () => open.delete(stream));
      return reply.header('content-type', 'text/event-stream').header('cache-control', 'no-store').send(stream.body);
    },
  );
}

function sendError(deps: Pick<ConsoleDeps, 'ports'>, reply: FastifyReply, thrown: unknown): FastifyReply {
  const { status, body, retryAfter } = answerOf(thrown);
  // A caller who is told to come again does so many times while a service is away: that is counted, and told where it is missed.
  const level = status < 500 || RelearnError.from(thrown).retryable ? 'debug' : 'error';
  deps.ports.telemetry.log[level]({ err: thrown }, `console: ${body.error.message}`);
  if (retryAfter !== null) reply.header('retry-after', String(retryAfter));
  return reply.code(status).send(body);
}
