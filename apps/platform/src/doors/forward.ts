import { type Readable, Transform } from 'node:stream';
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
    // Only who has something to pass on takes the time to load it.
    const { default: replyFrom } = await import('@fastify/reply-from');
    await scope.register(replyFrom, {
      undici: { connections: 128, headersTimeout: answerWithinMs, bodyTimeout: answerWithinMs },
      disableRequestLogging: true,
      disableCache: true,
    });
    // Bodies are not read here: the owner says what it takes, of what type, and how much.
    const types = new WeakMap<FastifyRequest, { 'content-type': string }>();
    scope.addHook('onRequest', (request, _reply, done) => {
      const { headers } = request.raw;
      const type = headers['content-type'];
      if (type !== undefined) types.set(request, { 'content-type': type });
      delete headers['content-type'];
      done();
    });
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, body, done) => done(null, body));
    for (const { prefix, service, to, mostBytes } of forwardings) {
      const pass = (request: FastifyRequest, reply: FastifyReply) => {
        const tooLarge = () => refuse(reply, request.url, 'TOO_LARGE', `a request has at most ${mostBytes} bytes`);
        const { raw } = request;
        if (Number(raw.headers['content-length'] ?? 0) > mostBytes) return tooLarge();
        // A body in chunks says its size by its end alone.
        const chunked = raw.headers['transfer-encoding'] === undefined ? undefined : new Bounded(mostBytes);
        if (chunked !== undefined) request.body = chunked.over(raw);
        return reply.from(`${to}${request.url}`, {
          // The owner's answers are its own, a 503 with its retry delay included.
          retryDelay: () => null,
          rewriteRequestHeaders: (_request, headers) => ({ ...headers, ...types.get(request) }),
          onError: () => {
            if (chunked?.exceeded === true) tooLarge();
            else refuse(reply, request.url, 'UNAVAILABLE', `${service} does not answer at ${to}`);
          },
        });
      };
      scope.all(prefix, pass);
      scope.all(`${prefix}/*`, pass);
    }
  });
}

/** Passes a body on up to its limit; beyond that it fails, and what still comes is thrown away. */
class Bounded extends Transform {
  exceeded = false;
  private readonly mostBytes: number;
  private bytes = 0;

  constructor(mostBytes: number) {
    super();
    this.mostBytes = mostBytes;
  }

  over(body: Readable): this {
    body.on('error', (error) => this.destroy(error));
    // Who sends would not see the answer of a connection that is cut: the rest is read.
    this.on('close', () => body.unpipe(this).resume());
    return body.pipe(this);
  }

  override _transform(chunk: Buffer, _encoding: string, done: (error?: Error | null, chunk?: Buffer) => void): void {
    this.bytes += chunk.byteLength;
    this.exceeded = this.bytes > this.mostBytes;
    done(this.exceeded ? new Error('the body is too large') : null, chunk);
  }
}
