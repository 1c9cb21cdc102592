import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  logVerbosity,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { type Clock, errorCodes, type Part, RelearnError } from '@relearn/kernel';
import { decode, encode } from '../coding.js';
import type { CallContext, Method, RpcServer, Service } from '../port.js';
import { GrpcCallContext } from './context.js';
import { HealthBoard, healthService } from './health.js';
import { addReflection } from './reflection.js';
import { wireStatusOf } from './wire-status.js';

export interface GrpcServerOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly clock: Clock;
  /** The greatest message that is accepted, in bytes; at most 2^31 - 1. Default 256 MiB. */
  readonly maxReceiveBytes?: number;
  /** How long `stop` waits for running calls. Default 10 s. */
  readonly drainMs?: number;
  /** Hears of every INTERNAL error of a handler, with its method's path. */
  readonly onDefect?: (error: RelearnError, path: string) => void;
  /** Hears of every unary call that has been answered. */
  readonly onCall?: (call: AnsweredCall) => void;
}

export interface AnsweredCall {
  readonly path: string;
  /** A gRPC status; 0 is OK. */
  readonly status: number;
  readonly seconds: number;
}

type Handler = (request: unknown, context: CallContext) => Promise<unknown> | AsyncIterable<unknown>;
type Bytes = Uint8Array;
type AnsweringCall = ServerWritableStream<Bytes, Bytes> | ServerDuplexStream<Bytes, Bytes>;

const mebibyte = 1 << 20;

// grpc-js writes to stderr what it also returns; every error of ours goes one way only, to the caller.
setLogVerbosity(logVerbosity.NONE);

/** A gRPC server on grpc-js that several services share; it answers grpc.health.v1 and server reflection by itself. */
export class GrpcServer implements Part, RpcServer {
  readonly name = 'grpc-server';
  readonly health: HealthBoard;
  private readonly options: GrpcServerOptions;
  private readonly server: Server;
  private readonly services = new Map<string, Service<unknown>>();
  private boundPort: number | undefined;

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
    this.health = new HealthBoard();
    this.add(healthService, this.health.handlers);
  }

  /** The port that is listened on, once started. */
  get port(): number {
    if (this.boundPort === undefined) throw new RelearnError('UNAVAILABLE', 'the gRPC server is not started');
    return this.boundPort;
  }

  add<Handlers extends object>(service: Service<Handlers>, handlers: Handlers): void {
    if (this.services.has(service.name)) {
      throw new RelearnError('ALREADY_EXISTS', `service ${service.name} is already offered`);
    }
    this.services.set(service.name, service);
    const definition: Record<string, ServiceDefinition[string]> = {};
    const implementation: UntypedServiceImplementation = {};
    const byName = handlers as Readonly<Record<string, Handler | undefined>>;
    for (const method of service.methods) {
      const handler = byName[method.name];
      if (handler === undefined) continue;
      definition[method.name] = bytesMethod(method);
      const bound = handler.bind(handlers);
      implementation[method.name] = this.implementationOf(method, bound);
    }
    this.server.addService(definition, implementation);
    this.health.set(service.name, 'SERVING');
  }

  /** Throws UNAVAILABLE where the address is in use or forbidden, INVALID_CONFIG where it is none. */
  start(): Promise<void> {
    addReflection(this.server, [...this.services.values()]);
    return new Promise((resolve, reject) => {
      this.server.bindAsync(this.options.address, ServerCredentials.createInsecure(), (failure, port) => {
        if (failure !== null) return reject(bindError(this.options.address, failure));
        this.boundPort = port;
        this.health.set('', 'SERVING');
        resolve();
      });
    });
  }

  /** Health turns false, then running calls are waited for, then what is left is cut off. */
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

  private unary(method: Method, handler: Handler): handleUnaryCall<Bytes, Bytes> {
    const { clock, onCall } = this.options;
    return (call: ServerUnaryCall<Bytes, Bytes>, callback) => {
      const began = clock.now();
      const told = (status: number) => onCall?.({ path: method.path, status, seconds: (clock.now() - began) / 1000 });
      const answer = async () => {
        const request = decode(method.request, call.request, 'request', method.path);
        const context = new GrpcCallContext(call, this.options.clock);
        const response = await handler(request, context);
        context.end();
        return encode(method.response, response, 'response', method.path);
      };
      answer().then(
        (bytes) => {
          told(0);
          callback(null, bytes);
        },
        (thrown: unknown) => {
          const status = this.failed(thrown, method);
          told(status.code ?? errorCodes.INTERNAL.grpc);
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
        const room = call.write(encode(method.response, response, 'response', method.path));
        if (!room) await roomOrEnd(call, context.signal);
      }
    };
    answer().then(
      () => call.end(),
      (thrown: unknown) => call.emit('error', this.failed(thrown, method)),
    );
  }

  private failed(thrown: unknown, method: Method): ReturnType<typeof wireStatusOf> {
    const error = RelearnError.from(thrown);
    if (error.grpc === errorCodes.INTERNAL.grpc) this.options.onDefect?.(error, method.path);
    return wireStatusOf(error);
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

function bindError(address: string, failure: Error): RelearnError {
  const text = failure.message;
  if (text.includes('EADDRINUSE')) {
    return new RelearnError('UNAVAILABLE', `gRPC cannot listen on ${address}: the port is in use`, {
      cause: failure,
      remedy: 'Stop the process that listens there, or name another address in RELEARN_GRPC.',
    });
  }
  if (text.includes('EACCES')) {
    return new RelearnError('UNAVAILABLE', `gRPC may not listen on ${address}: permission denied`, {
      cause: failure,
      remedy: 'Name a port above 1023 in RELEARN_GRPC.',
    });
  }
  return new RelearnError('INVALID_CONFIG', `gRPC cannot listen on ${address}: ${text}`, {
    cause: failure,
    remedy: 'Name an address of this machine in RELEARN_GRPC, as host:port.',
  });
}
