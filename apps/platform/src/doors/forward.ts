import replyFrom from '@fastify/reply-from';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refuse } from './refuse.js';

export interface Forwarding {
  /** Paths that begin with it go to the service. */
  readonly prefix: string;
  readonly service: string;
  /** Base address of the service's HTTP door. */
  readonly to: string;
  /** A larger body is refused here: an owner that answers before it has read the body breaks the connection. */
  readonly mostBytes: number;
}

/** An inference or a large upload may take a while; a dead owner is noticed by its connection. */
const answerWithinMs = 120_000;

/** Passes requests on to the services that own the paths, bodies as they come; 503 while an owner is away. */
export function registerForwarding(app: FastifyInstance, forwardings: readonly Forwarding[]): void {
  app.register(async (scope) => {
    await scope.register(replyFrom, {
      undici: { connections: 128, headersTimeout: answerWithinMs, bodyTimeout: answerWithinMs },
      disableRequestLogging: true,
      disableCache: true,
    });
    // Bodies are not read here: the owner says what it takes, and how much.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, body, done) => done(null, body));
    for (const { prefix, service, to, mostBytes } of forwardings) {
      const pass = (request: FastifyRequest, reply: FastifyReply) => {
        if (Number(request.headers['content-length'] ?? 0) > mostBytes) {
          return refuse(reply, request.url, 'TOO_LARGE', `a request has at most ${mostBytes} bytes`);
        }
        return reply.from(`${to}${request.url}`, {
          // The owner's answers are its own, a 503 with its retry delay included.
          retryDelay: () => null,
          onError: () => void refuse(reply, request.url, 'UNAVAILABLE', `${service} does not answer at ${to}`),
        });
      };
      scope.all(prefix, pass);
      scope.all(`${prefix}/*`, pass);
    }
  });
}
