import { RelearnError } from '@relearn/kernel';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Door, NothingAccepted, type PublishAnswer } from '../handlers/door.js';
import { jsonOf } from './body.js';
import { batchType, recordsOfRequest, structuredType } from './cloud-events.js';

/** Bytes of a request at most; a record's own bound is the pipeline's. */
export const mostRequestBytes = 16 * 1024 * 1024;
const bodyLimit = mostRequestBytes;

interface PipelineRoute {
  Params: { pipeline: string };
  Querystring: { stream?: string };
}

/**
 * `POST /v1/events/:pipeline[?stream=NAME]` (CloudEvents in structured, binary or batched mode, a JSON object or an
 * array of them) and `POST /v1/labels/:pipeline` (label rows). 202 once durable; errors are `{error: {code, message, remedy}}`
 * with the rejected records beside, where there are any.
 */
export function registerIngestionRoutes(app: FastifyInstance, door: Door): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      ['application/json', structuredType, batchType],
      { parseAs: 'buffer', bodyLimit },
      async ({ headers }: FastifyRequest, body: Buffer) => jsonOf(body, headers['content-encoding'], bodyLimit),
    );
    scope.setErrorHandler((thrown, _request, reply) => answerError(reply, thrown));
    scope.post<PipelineRoute>('/v1/events/:pipeline', { bodyLimit }, async (request, reply) => {
      const records = recordsOfRequest(request.headers, request.body);
      const { stream } = request.query;
      const { pipeline } = request.params;
      return answer(reply, await door.publish({ pipeline, stream, records, idempotencyKey: keyOf(request) }));
    });
    scope.post<PipelineRoute>('/v1/labels/:pipeline', { bodyLimit }, async (request, reply) => {
      const records: unknown[] = Array.isArray(request.body) ? request.body : [request.body];
      const { pipeline } = request.params;
      return answer(reply, await door.labels({ pipeline, records, idempotencyKey: keyOf(request) }));
    });
  });
}

function keyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string' || key === '') return undefined;
  if (key.length > 255) throw new RelearnError('INVALID_INPUT', 'the Idempotency-Key has more than 255 characters');
  return key;
}

function answer(reply: FastifyReply, result: PublishAnswer): FastifyReply {
  return reply.code(202).send(result);
}

function answerError(reply: FastifyReply, thrown: unknown): FastifyReply {
  const error = errorOf(thrown);
  const status = statusOf(thrown) ?? error.http;
  if (status === 429 || status === 503) reply.header('retry-after', Math.ceil((error.retryAfterMs ?? 1000) / 1000));
  const { code, remedy } = error;
  const body = { error: { code, message: error.describe(), remedy } };
  return reply.code(status).send(error instanceof NothingAccepted ? { ...body, rejected: error.rejected } : body);
}

/** What Fastify refuses before a handler runs. */
function errorOf(thrown: unknown): RelearnError {
  const status = statusOf(thrown);
  if (status === 413) {
    return new RelearnError('TOO_LARGE', `a request has at most ${bodyLimit} bytes`, { cause: thrown });
  }
  if (status === 415) {
    return new RelearnError('INVALID_INPUT', 'the content type is not one that is read here', {
      cause: thrown,
      remedy: `Send application/json, ${structuredType} or ${batchType}.`,
    });
  }
  return status === undefined || status >= 500
    ? RelearnError.from(thrown)
    : new RelearnError('INVALID_INPUT', String(thrown));
}

function statusOf(thrown: unknown): number | undefined {
  if (thrown instanceof RelearnError || !(thrown instanceof Error) || !('statusCode' in thrown)) return undefined;
  return typeof thrown.statusCode === 'number' ? thrown.statusCode : undefined;
}
