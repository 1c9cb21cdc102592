import { RelearnError } from '@relearn/kernel';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import { type CallScope, type DataPlane, keyHeader } from '../inference/oip/data-plane.js';
import { jsonOfInferResponse, parseInferRequest } from '../inference/oip/json-codec.js';

export interface InferenceRestOptions {
  /** The greatest body, in bytes: parsing JSON holds up everybody else. Default `mostBodyBytes`. */
  readonly maxBodyBytes?: number;
}

export const mostBodyBytes = 4 << 20;

interface ModelParams {
  readonly model: string;
  readonly version?: string;
}

/**
 * The Open Inference Protocol over REST with JSON tensors, below `/v2`: errors are `{"error": "..."}`, a wrong verb
 * is 405, a body is read as JSON whatever its content type says.
 */
export function registerInferenceRoutes(
  app: FastifyInstance,
  plane: DataPlane,
  options: InferenceRestOptions = {},
): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.setErrorHandler((failure, _request, reply) => sendError(reply, failure));
    addHealthRoutes(scope, plane);
    addModelRoutes(scope, plane, options.maxBodyBytes ?? mostBodyBytes);
  });
}

function addHealthRoutes(app: FastifyInstance, plane: DataPlane): void {
  get(app, '/v2', async () => plane.serverMetadata());
  get(app, '/v2/health/live', async (_request, reply) => healthOf(reply, 'live', plane.serverLive()));
  get(app, '/v2/health/ready', async (_request, reply) => healthOf(reply, 'ready', plane.serverReady()));
}

function addModelRoutes(app: FastifyInstance, plane: DataPlane, bodyLimit: number): void {
  for (const base of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    get(app, base, async (request) => {
      const { model, version } = paramsOf(request);
      return plane.modelMetadata(model, version);
    });
    get(app, `${base}/ready`, async (request, reply) => {
      const { model, version } = paramsOf(request);
      return healthOf(reply, 'ready', plane.modelReady(model, version), { name: model });
    });
    only(app, 'POST', `${base}/infer`);
    app.post(`${base}/infer`, { bodyLimit }, async (request, reply) => {
      const { model, version } = paramsOf(request);
      if (request.headers['inference-header-content-length'] !== undefined) {
        throw new RelearnError(
          'UNIMPLEMENTED',
          'binary tensors over REST are not offered: send JSON, or raw tensors over gRPC',
        );
      }
      const inference = parseInferRequest(bodyOf(request), model, version);
      const response = await plane.infer(inference, scopeOf(request, reply));
      return reply.type('application/json').send(jsonOfInferResponse(response));
    });
  }
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

function get(app: FastifyInstance, url: string, handler: Handler): void {
  only(app, 'GET', url);
  app.get(url, handler);
}

const verbs: readonly HTTPMethods[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Answers every other verb with 405. */
function only(app: FastifyInstance, verb: HTTPMethods, url: string): void {
  app.route({
    method: verbs.filter((other) => other !== verb),
    url,
    handler: async (_request, reply) =>
      reply
        .code(405)
        .header('allow', verb)
        .send({ error: `only ${verb} is allowed here` }),
  });
}

/** KServe's client wants a body, tritonclient only looks for 200. */
async function healthOf(
  reply: FastifyReply,
  name: 'live' | 'ready',
  state: boolean,
  more: object = {},
): Promise<unknown> {
  return reply.code(state ? 200 : 400).send({ ...more, [name]: state });
}

function paramsOf(request: FastifyRequest): { model: string; version: string } {
  const { model, version = '' } = request.params as ModelParams;
  return { model, version };
}

function bodyOf(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
}

function scopeOf(request: FastifyRequest, reply: FastifyReply): CallScope {
  const key = request.headers[keyHeader];
  return {
    deadline: Number.POSITIVE_INFINITY,
    metadata: typeof key === 'string' ? { [keyHeader]: key } : {},
    get cancelled() {
      return reply.raw.destroyed;
    },
  };
}

function sendError(reply: FastifyReply, failure: unknown): FastifyReply {
  const error = failure instanceof RelearnError ? failure : RelearnError.from(failure);
  if (error.retryAfterMs !== undefined) void reply.header('retry-after', String(Math.ceil(error.retryAfterMs / 1_000)));
  return reply.code(statusOf(failure, error)).send({ error: error.message });
}

/** Fastify's own errors (a body above the limit, a cut body) carry a status; ours have theirs by code. */
function statusOf(failure: unknown, error: RelearnError): number {
  if (failure === error || !(failure instanceof Error) || !('statusCode' in failure)) return error.http;
  return Number(failure.statusCode);
}
