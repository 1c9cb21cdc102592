import { type Part, RelearnError } from '@relearn/kernel';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Address } from '../config/config.js';
import { refuseBytes, refusePath } from './malformed.js';
import { refuse } from './refuse.js';

/** A request that is sent more slowly is cut off. */
const receivedWithinMs = 300_000;

export interface HttpDoorOptions {
  readonly address: Address;
  /** Adds what is answered at any time. */
  readonly probes: (app: FastifyInstance) => void;
  /** Why nothing else is answered yet. */
  readonly waitsFor: () => string;
}

/**
 * The HTTP address of a process. It answers probes from the start, and all else once the process has what it needs:
 * until then UNAVAILABLE.
 */
export class HttpDoor implements Part {
  readonly name = 'http server';
  private readonly outer: FastifyInstance;
  private readonly address: Address;
  private inner: FastifyInstance | undefined;
  private readonly served: FastifyInstance[] = [];
  private listening: Promise<string> | undefined;
  private at = '';

  constructor({ address, probes, waitsFor }: HttpDoorOptions) {
    this.address = address;
    this.outer = fastify({
      logger: false,
      forceCloseConnections: true,
      requestTimeout: receivedWithinMs,
      clientErrorHandler: refuseBytes,
      frameworkErrors: refusePath,
    });
    // Bodies are for the routes inside: here nothing reads them.
    this.outer.removeAllContentTypeParsers();
    this.outer.addContentTypeParser('*', (_request, _body, done) => done(null));
    probes(this.outer);
    // Before a content type is looked at: what it may be is for the routes inside to say.
    const pass = async (request: FastifyRequest, reply: FastifyReply) => {
      if (this.inner === undefined) return refuse(reply, request.url, 'UNAVAILABLE', waitsFor());
      reply.hijack();
      this.inner.routing(request.raw, reply.raw);
      return reply;
    };
    this.outer.all('*', { onRequest: pass }, pass);
    this.outer.addHook('preClose', async () => {
      for (const routes of this.served) await routes.close();
    });
  }

  /** The address that is listened on, once started. */
  get url(): string {
    return this.at;
  }

  /** From now on these routes answer, in place of those before. */
  async serve(routes: FastifyInstance): Promise<void> {
    await routes.ready();
    this.inner = routes;
    this.served.push(routes);
  }

  /** Listens; again it changes nothing. Throws UNAVAILABLE where the address is in use. */
  async start(): Promise<void> {
    this.listening ??= this.listen();
    this.at = await this.listening;
  }

  stop(): Promise<void> {
    return this.outer.close();
  }

  private async listen(): Promise<string> {
    const { host, port } = this.address;
    try {
      return await this.outer.listen({ host, port });
    } catch (thrown) {
      const { message } = RelearnError.from(thrown);
      throw new RelearnError('UNAVAILABLE', `HTTP cannot listen on ${host}:${port}: ${message}`, {
        cause: thrown,
        remedy: 'Stop what uses the port, or set RELEARN_HTTP to another address.',
      });
    }
  }
}
