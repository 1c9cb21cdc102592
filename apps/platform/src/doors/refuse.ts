import { type ErrorCode, errorCodes } from '@relearn/kernel';
import type { FastifyReply } from 'fastify';

/** An error as the route's own look: the Open Inference Protocol's are texts, all others ours. */
export function refuse(reply: FastifyReply, url: string, code: ErrorCode, message: string): FastifyReply {
  const { http, remedy } = errorCodes[code];
  if (http === 503) reply.header('retry-after', '1');
  reply.code(http);
  // In bytes: to a text Fastify adds a charset, and that protocol's clients read no error of another type.
  if (url.startsWith('/v2')) {
    return reply.type('application/json').send(Buffer.from(JSON.stringify({ error: message })));
  }
  return reply.send({ error: { code, message, remedy, place: null } });
}
