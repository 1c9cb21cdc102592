import type { FastifyInstance, FastifyReply } from 'fastify';
import type { DataPlane } from '../inference/oip/data-plane.js';
import { booleanOf, fieldOf, objectOf } from '../inference/oip/json-fields.js';
import type { Named } from '../inference/oip/json-request.js';
import { parseJson } from '../inference/oip/json-text.js';
import { addAbsentRoutes } from './rest-absent.js';
import { answerTo, sendError, sendJson, snakeCased } from './rest-answer.js';
import { Bodies } from './rest-body.js';
import { inferWith, namedIn } from './rest-infer.js';

/**
 * The Open Inference Protocol over REST, below `/v2`, with JSON and binary tensors: errors are `{"error": "..."}`, a
 * wrong verb is 405, a body is read as it is whatever its content type says.
 */
export function registerInferenceRoutes(app: FastifyInstance, plane: DataPlane): void {
  const bodies = new Bodies();
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // A body is what it is: of a content type that is none Fastify would answer 415.
    scope.addHook('onRequest', (request, _reply, done) => {
      delete request.raw.headers['content-type'];
      done();
    });
    // Handlers read bodies themselves, those that want one.
    scope.addContentTypeParser('*', (_request, _body, done) => done(null));
    scope.setErrorHandler((failure, _request, reply) => sendError(reply, failure));
    addServerRoutes(scope, plane, bodies);
    for (const base of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
      addModelRoutes(scope, base, plane);
      answerTo(scope, `${base}/infer`, { POST: inferWith(plane, bodies) });
    }
    addAbsentRoutes(scope, plane);
    scope.all('/v2/*', async (_request, reply) => sendJson(reply.code(404), { error: 'Not Found' }));
  });
}

function addServerRoutes(app: FastifyInstance, plane: DataPlane, bodies: Bodies): void {
  const get = (path: string, answer: (reply: FastifyReply) => FastifyReply) =>
    answerTo(app, `/v2${path}`, { GET: async (_request, reply) => answer(reply) });
  get('', (reply) => sendJson(reply, plane.serverMetadata()));
  get('/health/live', (reply) => sendState(reply, plane.serverLive(), { live: plane.serverLive() }));
  get('/health/ready', (reply) => sendState(reply, plane.serverReady(), { ready: plane.serverReady() }));
  get('/models', (reply) => {
    const names = plane.repositoryIndex('', true).map(({ name }) => name);
    return sendJson(reply, { models: [...new Set(names)] });
  });
  get('/models/stats', (reply) => sendJson(reply, snakeCased({ modelStats: plane.modelStatistics('', '') })));
  answerTo(app, '/v2/repository/index', {
    POST: (request, reply) =>
      bodies.use(request.raw, async (body) => sendJson(reply, plane.repositoryIndex('', readyAlone(body)))),
  });
}

function addModelRoutes(app: FastifyInstance, base: string, plane: DataPlane): void {
  const get = (path: string, answer: (named: Named, reply: FastifyReply) => FastifyReply) =>
    answerTo(app, `${base}${path}`, { GET: async (request, reply) => answer(namedIn(request), reply) });
  get('', ({ model, version }, reply) => sendJson(reply, plane.modelMetadata(model, version)));
  get('/config', ({ model, version }, reply) => sendJson(reply, snakeCased(plane.modelConfig(model, version))));
  get('/stats', ({ model, version }, reply) =>
    sendJson(reply, snakeCased({ modelStats: plane.modelStatistics(model, version) })),
  );
  get('/ready', ({ model, version }, reply) => {
    const ready = plane.modelReady(model, version);
    return sendState(reply, ready, { name: model, ready });
  });
}

/** KServe's client wants a body, tritonclient only looks for 200. */
function sendState(reply: FastifyReply, state: boolean, body: object): FastifyReply {
  return sendJson(reply.code(state ? 200 : 400), body);
}

/** A request for the index may be empty. */
function readyAlone(body: Buffer): boolean {
  if (body.byteLength === 0) return false;
  const root = objectOf({ name: 'request', place: 'request', value: parseJson(body) });
  return root.has('ready') && booleanOf(fieldOf(root, '', 'ready'));
}
