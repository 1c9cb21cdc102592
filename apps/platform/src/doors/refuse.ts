import { type ErrorCode, errorCodes } from '@relearn/kernel';
import type { FastifyReply } from 'fastify';

/** An error as the route's own look: the Open Inference Protocol's are texts, all others ours. */
export function refuse(reply: FastifyReply, url: string, code: ErrorCode, message: string): FastifyReply {
  const { http, remedy } = errorCodes[code];
  const body = url.startsWith('/v2') ? { error: message } : { error: { code, message, remedy, place: null } };
  if (http === 503) reply.header('retry-after', '1');
  return reply.code(http).send(body);
}
