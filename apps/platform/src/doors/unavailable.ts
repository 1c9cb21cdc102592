import { errorCodes } from '@relearn/kernel';
import type { FastifyReply } from 'fastify';

const { http, remedy } = errorCodes.UNAVAILABLE;

/** 503 as the route's own errors look: the Open Inference Protocol's are texts, all others ours. */
export function unavailable(reply: FastifyReply, url: string, message: string): FastifyReply {
  const body = url.startsWith('/v2')
    ? { error: message }
    : { error: { code: 'UNAVAILABLE', message, remedy, place: null } };
  return reply.code(http).header('retry-after', '1').send(body);
}
