import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net';
import { LargeBuffers, RelearnError } from '@relearn/kernel';
import { decode } from '../../coding.js';
import type { Method, Service } from '../../port.js';
import { bindError, boundPort } from '../bind-error.js';
import type { GrpcServer, GrpcServerOptions } from '../grpc-server.js';
import type { HealthBoard } from '../health.js';
import { encoded, failed, type Offer, Offered, timed } from '../offers.js';
import { wireStatusOf } from '../wire-status.js';
import { type CallGround, Http2Call, isGrpc } from './call.js';
import { Deadlines } from './deadlines.js';
import { keepAlive } from './keep-alive.js';
import { readsOf } from './socket-reads.js';
import { type FieldList, Http2Connection, type Http2Stream } from './protocol/index.js';

const mebibyte = 1 << 20;
const allowance = {
  streams: 4_096,
  streamWindow: 4 * mebibyte,
  connectionWindow: 16 * mebibyte,
  frameBytes: mebibyte,
  headerBytes: 64 * 1024,
};
/** Bytes of large messages whose room is kept for the next. */
const keptMessages = 64 * mebibyte;
const notGrpc: FieldList = { fields: [{ name: ':status', value: '415' }], repeated: false };

/** A server of our own: gRPC's wire protocol with far less between the socket and a handler than grpc-js has. */
export class Http2Server implements GrpcServer {
  readonly name = 'grpc-server';
  private readonly options: GrpcServerOptions;
  private readonly ground: CallGround;
  private readonly server: NetServer;
  private readonly offered: Offered;
  private readonly offers = new Map<string, Offer>();
  private readonly connections = new Set<Http2Connection>();
  private bound: number | undefined;

  constructor(options: GrpcServerOptions) {
    this.options = options;
    const mostBytes = Math.min(options.maxReceiveBytes ?? 256 * mebibyte, 2 ** 31 - 1);
    const buffers = new LargeBuffers(keptMessages, options.clock);
    this.ground = { clock: options.clock, deadlines: new Deadlines(options.clock), mostBytes, buffers };
    this.server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => this.greet(socket));
    this.offered = new Offered((offers) => this.offer(offers));
  }

  get health(): HealthBoard {
    return this.offered.health;
  }

  get port(): number {
    return boundPort(this.bound);
  }

  add<Handlers extends object>(service: Service<Handlers>, handlers: Handlers): void {
    this.offered.add(service, handlers);
  }

  start(): Promise<void> {
    const { address } = this.options;
    const at = address.lastIndexOf(':');
    const host = address.slice(0, at).replace(/^\[(.*)\]$/, '$1');
    return new Promise((resolve, reject) => {
      const refused = (failure: Error) => reject(bindError(address, failure));
      this.server.once('error', refused);
      this.server.listen(Number(address.slice(at + 1)), host, () => {
        this.server.removeListener('error', refused);
        // A connection that cannot be taken ends none of the others.
        this.server.on('error', (failure) => this.options.onDefect?.(RelearnError.from(failure), 'accept'));
        this.bound = (this.server.address() as AddressInfo).port;
        this.health.set('', 'SERVING');
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    this.health.close();
    const overdue = new AbortController();
    const drained = new Promise<void>((resolve) => {
      this.server.close(() => {
        overdue.abort();
        resolve();
      });
      // Callers are told to go elsewhere; their running calls go on.
      for (const connection of this.connections) connection.close();
    });
    await Promise.race([drained, this.options.clock.sleep(this.options.drainMs ?? 10_000, overdue.signal)]);
    for (const connection of this.connections) connection.destroy();
    this.ground.deadlines.stop();
  }

  private offer(offers: readonly Offer[]): void {
    for (const offer of offers) this.offers.set(offer.method.path, offer);
  }

  private greet(accepted: Socket): void {
    const socket = readsOf(accepted, (bytes) => connection.read(bytes));
    const connection = new Http2Connection(socket, {
      allowance,
      // One message of the greatest size and room for the rest.
      mostHeldBytes: this.ground.mostBytes + 64 * mebibyte,
      onRequest: (stream) => this.take(stream),
    });
    this.connections.add(connection);
    const alive = keepAlive(connection, this.options.clock);
    socket.once('close', () => {
      this.connections.delete(connection);
      alive.cancel();
    });
  }

  private take(stream: Http2Stream): void {
    if (!isGrpc(stream.request)) return stream.respondOnly(notGrpc);
    const call = new Http2Call(stream, this.ground);
    if (call.broken !== undefined) return call.fail(wireStatusOf(call.broken));
    const { path } = stream.request;
    const offer = this.offers.get(path);
    if (offer === undefined) return call.fail(wireStatusOf(unknownMethod(path)));
    if (offer.method.responseStream) void this.answerAll(call, offer);
    else this.answer(call, offer);
  }

  private answer(call: Http2Call, { method, handler }: Offer): void {
    const told = timed(this.options, method.path);
    const refused = (thrown: unknown) => {
      const status = wireStatusOf(failed(thrown, method.path, this.options));
      told(status.code);
      call.fail(status);
    };
    const run = async (bytes: Buffer) => {
      call.working();
      try {
        const response = await handler(decode(method.request, bytes, 'request', method.path), call);
        const message = encoded(method, response);
        told(0);
        call.end(message);
      } catch (thrown) {
        refused(thrown);
      } finally {
        call.settled();
        if (method.lent) this.ground.buffers.giveDetached(bytes.buffer);
      }
    };
    call.listen({ message: (bytes) => void run(bytes), refused });
  }

  private async answerAll(call: Http2Call, { method, handler }: Offer): Promise<void> {
    call.working();
    try {
      const requests = requestsOf(call, method);
      const heard = method.requestStream ? requests : await only(requests, method);
      for await (const response of handler(heard, call) as AsyncIterable<unknown>) {
        if (call.signal.aborted) return;
        await call.write(encoded(method, response));
      }
      call.end();
    } catch (thrown) {
      call.fail(wireStatusOf(failed(thrown, method.path, this.options)));
    } finally {
      call.settled();
    }
  }
}

async function* requestsOf(call: Http2Call, method: Method): AsyncGenerator<unknown> {
  for await (const bytes of call.messages()) yield decode(method.request, bytes, 'request', method.path);
}

async function only(requests: AsyncGenerator<unknown>, { path }: Method): Promise<unknown> {
  const first = await requests.next();
  if (first.done === true) throw new RelearnError('UNIMPLEMENTED', `${path}: the call has no request message`);
  return first.value;
}

function unknownMethod(path: string): RelearnError {
  return new RelearnError('UNIMPLEMENTED', `The server does not implement the method ${path}`);
}
