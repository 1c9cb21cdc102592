import { RelearnError } from '@relearn/kernel';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';

export type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

const verbs: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Answers a path to these verbs, and to all others 405. */
export function answerTo(app: FastifyInstance, url: string, handlers: { GET?: Handler; POST?: Handler }): void {
  const { GET, POST } = handlers;
  if (GET !== undefined) app.get(url, GET);
  if (POST !== undefined) app.post(url, POST);
  const allowed = [...(GET === undefined ? [] : ['GET', 'HEAD']), ...(POST === undefined ? [] : ['POST'])];
  app.route({
    method: verbs.filter((verb) => !allowed.includes(verb)),
    url,
    handler: async (_request, reply) =>
      sendJson(reply.code(405).header('allow', allowed.join(', ')), { error: 'Method Not Allowed' }),
  });
}

/** In bytes: to a text Fastify adds a charset, and KServe's client reads no error of another type than this very one. */
export function sendJson(reply: FastifyReply, value: unknown): FastifyReply {
  return reply.type('application/json').send(Buffer.from(JSON.stringify(value)));
}

/** Messages of the protocol have the names of the .proto: members in snake case, at every depth. */
export function snakeCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCased);
  if (value === null || typeof value !== 'object') return value;
  const renamed = Object.entries(value).map(([name, inner]) => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    snakeCased(inner),
  ]);
  return Object.fromEntries(renamed);
}

export function sendError(reply: FastifyReply, failure: unknown): FastifyReply {
  const error = RelearnError.from(failure);
  const status = error.code === 'CANCELLED' ? 400 : statusOf(failure, error);
  if (error.retryAfterMs !== undefined) void reply.header('retry-after', String(Math.ceil(error.retryAfterMs / 1_000)));
  return sendJson(reply.code(status), { error: error.message });
}

/** Fastify's own errors carry a status; ours have theirs by code. */
function statusOf(failure: unknown, error: RelearnError): number {
  if (failure === error || !(failure instanceof Error) || !('statusCode' in failure)) return error.http;
  return Number(failure.statusCode);
}
