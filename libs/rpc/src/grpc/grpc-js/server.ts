import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  logVerbosity,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  setLogVerbosity,
  type StatusObject,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { decode } from '../../coding.js';
import type { Method, Service } from '../../port.js';
import { bindError, boundPort } from '../bind-error.js';
import type { GrpcServer, GrpcServerOptions } from '../grpc-server.js';
import type { HealthBoard } from '../health.js';
import { encoded, failed, type Handler, type Offer, Offered, timed } from '../offers.js';
import { wireStatusOf } from '../wire-status.js';
import { GrpcCallContext } from './context.js';

type Bytes = Uint8Array;
type AnsweringCall = ServerWritableStream<Bytes, Bytes> | ServerDuplexStream<Bytes, Bytes>;

const mebibyte = 1 << 20;

// grpc-js writes to stderr what it also returns; every error of ours goes one way only, to the caller.
setLogVerbosity(logVerbosity.NONE);

/** The server of grpc-js. */
export class GrpcJsServer implements GrpcServer {
  readonly name = 'grpc-server';
  private readonly options: GrpcServerOptions;
  private readonly server: Server;
  private readonly offered: Offered;
  private bound: number | undefined;

  constructor(options: GrpcServerOptions) {
    this.options = options;
    const maxReceiveBytes = Math.min(options.maxReceiveBytes ?? 256 * mebibyte, 2 ** 31 - 1);
    this.server = new Server({
      'grpc.max_receive_message_length': maxReceiveBytes,
      'grpc.max_send_message_length': 2 ** 31 - 1,
      'grpc.max_concurrent_streams': 4_096,
      // What one connection may hold in memory, in MiB: one message of the greatest size and room for the rest.
      'grpc-node.max_session_memory': Math.ceil(maxReceiveBytes / mebibyte) + 64,
      'grpc.keepalive_time_ms': 60_000,
      'grpc.keepalive_timeout_ms': 20_000,
    });
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
    return new Promise((resolve, reject) => {
      this.server.bindAsync(this.options.address, ServerCredentials.createInsecure(), (failure, port) => {
        if (failure !== null) return reject(bindError(this.options.address, failure));
        this.bound = port;
        this.health.set('', 'SERVING');
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    this.health.close();
    const overdue = new AbortController();
    const drained = new Promise<void>((resolve) => {
      this.server.tryShutdown(() => {
        overdue.abort();
        resolve();
      });
    });
    await Promise.race([drained, this.options.clock.sleep(this.options.drainMs ?? 10_000, overdue.signal)]);
    this.server.forceShutdown();
  }

  private offer(offers: readonly Offer[]): void {
    const definition: Record<string, ServiceDefinition[string]> = {};
    const implementation: UntypedServiceImplementation = {};
    for (const { method, handler } of offers) {
      definition[method.name] = bytesMethod(method);
      implementation[method.name] = this.implementationOf(method, handler);
    }
    this.server.addService(definition, implementation);
  }

  private unary(method: Method, handler: Handler): handleUnaryCall<Bytes, Bytes> {
    return (call: ServerUnaryCall<Bytes, Bytes>, callback) => {
      const told = timed(this.options, method.path);
      const answer = async () => {
        const request = decode(method.request, call.request, 'request', method.path);
        const context = new GrpcCallContext(call, this.options.clock);
        const response = await handler(request, context);
        context.end();
        return encoded(method, response);
      };
      answer().then(
        (bytes) => {
          told(0);
          callback(null, bytes);
        },
        (thrown: unknown) => {
          const status = this.statusOf(thrown, method);
          told(status.code);
          callback(status);
        },
      );
    };
  }

  private implementationOf(method: Method, handler: Handler): UntypedServiceImplementation[string] {
    if (method.requestStream) return this.bidirectional(method, handler);
    return method.responseStream ? this.streaming(method, handler) : this.unary(method, handler);
  }

  private streaming(method: Method, handler: Handler): handleServerStreamingCall<Bytes, Bytes> {
    return (call: ServerWritableStream<Bytes, Bytes>) =>
      this.answerAll(call, method, handler, () => decode(method.request, call.request, 'request', method.path));
  }

  private bidirectional(method: Method, handler: Handler): handleBidiStreamingCall<Bytes, Bytes> {
    return (call: ServerDuplexStream<Bytes, Bytes>) =>
      this.answerAll(call, method, handler, () => requestsOf(call, method));
  }

  private answerAll(call: AnsweringCall, method: Method, handler: Handler, heard: () => unknown): void {
    const answer = async () => {
      const context = new GrpcCallContext(call, this.options.clock);
      for await (const response of handler(heard(), context) as AsyncIterable<unknown>) {
        if (context.signal.aborted) return;
        const room = call.write(encoded(method, response));
        if (!room) await roomOrEnd(call, context.signal);
      }
    };
    answer().then(
      () => call.end(),
      (thrown: unknown) => call.emit('error', this.statusOf(thrown, method)),
    );
  }

  private statusOf(thrown: unknown, { path }: Method): StatusObject {
    const { code, details, trailers } = wireStatusOf(failed(thrown, path, this.options));
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(trailers)) metadata.set(name, value);
    return { code, details, metadata };
  }
}

/** Messages stay bytes for grpc-js; our own coding maps their errors to codes. */
function bytesMethod(method: Method): ServiceDefinition[string] {
  const asBuffer = (bytes: Bytes): Buffer =>
    Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const same = (bytes: Buffer): Bytes => bytes;
  return {
    path: method.path,
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    requestSerialize: asBuffer,
    requestDeserialize: same,
    responseSerialize: asBuffer,
    responseDeserialize: same,
  };
}

/**
 * The requests of a call, read as they are asked for; they end when the caller has no more or gives up. The stream stays
 * open behind them: it carries the answers, too.
 */
async function* requestsOf(call: ServerDuplexStream<Bytes, Bytes>, method: Method): AsyncGenerator<unknown> {
  const requests = call.iterator({ destroyOnReturn: false }) as AsyncIterable<Bytes>;
  for await (const bytes of requests) yield decode(method.request, bytes, 'request', method.path);
}

function roomOrEnd(call: AnsweringCall, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      call.removeListener('drain', finish);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    call.once('drain', finish);
    signal.addEventListener('abort', finish, { once: true });
    if (signal.aborted) finish();
  });
}
