import {
  type ClientDuplexStream,
  type ClientReadableStream,
  Client as GrpcClient,
  type CallOptions as GrpcOptions,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { type Clock, RelearnError } from '@relearn/kernel';
import { decode, encode } from '../coding.js';
import type { CallOptions, Client, Method, RpcChannel, Service } from '../port.js';
import type { AnsweredCall } from './grpc-server.js';
import { errorOfWire } from './wire-status.js';

export interface GrpcChannelOptions {
  /** `host:port`. */
  readonly address: string;
  readonly clock: Clock;
  /** The greatest response that is accepted, in bytes. Default 2^31 - 1. */
  readonly maxReceiveBytes?: number;
  /** Hears of every unary call that was sent, once it has ended. */
  readonly onCall?: (call: AnsweredCall) => void;
}

/** A call with a stream of responses, and what sends its requests. */
interface StreamCall {
  readonly call: ClientReadableStream<Buffer> | ClientDuplexStream<Buffer, Buffer>;
  readonly sending: Promise<void>;
}

/** One connection to a gRPC server; it reconnects by itself. */
export class GrpcChannel implements RpcChannel {
  private readonly clock: Clock;
  private readonly onCall: ((call: AnsweredCall) => void) | undefined;
  private readonly grpc: GrpcClient;

  constructor(options: GrpcChannelOptions) {
    this.clock = options.clock;
    this.onCall = options.onCall;
    this.grpc = new GrpcClient(options.address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': options.maxReceiveBytes ?? 2 ** 31 - 1,
      'grpc.max_send_message_length': 2 ** 31 - 1,
      'grpc.keepalive_time_ms': 60_000,
      'grpc.keepalive_timeout_ms': 20_000,
      'grpc-node.flow_control_window': 4 << 20,
    });
  }

  client<Handlers extends object>(service: Service<Handlers>): Client<Handlers> {
    const calls = service.methods.map((method) => [
      method.name,
      method.responseStream
        ? (request: unknown, options: CallOptions = {}) => this.stream(method, request, options)
        : (request: unknown, options: CallOptions = {}) => this.unary(method, request, options),
    ]);
    return Object.fromEntries(calls) as Client<Handlers>;
  }

  async close(): Promise<void> {
    this.grpc.close();
  }

  private async unary(method: Method, request: unknown, options: CallOptions): Promise<unknown> {
    const message = bufferOf(encode(method.request, request, 'request', method.path));
    this.checkStillWanted(method, options);
    const began = this.clock.now();
    const bytes = await new Promise<Buffer>((resolve, reject) => {
      const call = this.grpc.makeUnaryRequest(
        method.path,
        same,
        same,
        message,
        metadataOf(options),
        this.grpcOptions(options),
        (failure, answer) => {
          options.signal?.removeEventListener('abort', cancel);
          const seconds = (this.clock.now() - began) / 1000;
          this.onCall?.({ path: method.path, status: failure?.code ?? 0, seconds });
          if (failure !== null) return reject(errorOfWire(failure));
          if (answer === undefined) return reject(new RelearnError('INTERNAL', `${method.path}: no answer came`));
          resolve(answer);
        },
      );
      const cancel = () => call.cancel();
      options.signal?.addEventListener('abort', cancel, { once: true });
    });
    return decode(method.response, bytes, 'response', method.path);
  }

  private async *stream(method: Method, request: unknown, options: CallOptions): AsyncGenerator<unknown> {
    const begin = method.requestStream
      ? this.duplex(method, request, options)
      : this.oneRequest(method, request, options);
    this.checkStillWanted(method, options);
    const { call, sending } = begin();
    const cancel = () => call.cancel();
    options.signal?.addEventListener('abort', cancel, { once: true });
    try {
      for await (const bytes of call.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        yield decode(method.response, bytes, 'response', method.path);
      }
      await sending;
    } catch (thrown) {
      const own = await failureOf(sending);
      if (own !== null) throw own;
      throw isServiceError(thrown) ? errorOfWire(thrown) : RelearnError.from(thrown);
    } finally {
      options.signal?.removeEventListener('abort', cancel);
      // A cancelled call reports that it was; nobody listens after an early return.
      call.on('error', () => undefined);
      call.cancel();
    }
  }

  private oneRequest(method: Method, request: unknown, options: CallOptions): () => StreamCall {
    const message = bufferOf(encode(method.request, request, 'request', method.path));
    const [metadata, grpcOptions] = [metadataOf(options), this.grpcOptions(options)];
    return () => ({
      call: this.grpc.makeServerStreamRequest(method.path, same, same, message, metadata, grpcOptions),
      sending: Promise.resolve(),
    });
  }

  private duplex(method: Method, request: unknown, options: CallOptions): () => StreamCall {
    const [metadata, grpcOptions] = [metadataOf(options), this.grpcOptions(options)];
    return () => {
      const call = this.grpc.makeBidiStreamRequest(method.path, same, same, metadata, grpcOptions);
      return { call, sending: send(call, method, request as AsyncIterable<unknown>) };
    };
  }

  private checkStillWanted(method: Method, options: CallOptions): void {
    if (options.signal?.aborted) throw new RelearnError('CANCELLED', `${method.path}: cancelled by the caller`);
    if ((options.deadline ?? Number.POSITIVE_INFINITY) <= this.clock.now()) {
      throw new RelearnError('DEADLINE_EXCEEDED', `${method.path}: deadline exceeded`);
    }
  }

  private grpcOptions({ deadline = Number.POSITIVE_INFINITY }: CallOptions): GrpcOptions {
    if (!Number.isFinite(deadline)) return {};
    return { deadline: this.clock.wall() + deadline - this.clock.now() };
  }
}

/** Sends the requests as fast as the server takes them; what their source throws ends the call. */
async function send(
  call: ClientDuplexStream<Buffer, Buffer>,
  method: Method,
  requests: AsyncIterable<unknown>,
): Promise<void> {
  let ended = false;
  const over = new Promise<void>((resolve) => {
    call.once('close', resolve).once('status', resolve);
  }).then(() => {
    ended = true;
  });
  const reading = requests[Symbol.asyncIterator]();
  try {
    while (!ended) {
      const next = await Promise.race([reading.next(), over]);
      if (next === undefined || next.done === true) break;
      const room = call.write(bufferOf(encode(method.request, next.value, 'request', method.path)));
      if (!room) await Promise.race([new Promise<void>((resolve) => void call.once('drain', resolve)), over]);
    }
    call.end();
  } catch (thrown) {
    call.cancel();
    throw thrown;
  } finally {
    void reading.return?.().catch(() => undefined);
  }
}

async function failureOf(work: Promise<void>): Promise<RelearnError | null> {
  try {
    await work;
    return null;
  } catch (thrown) {
    return RelearnError.from(thrown);
  }
}

function metadataOf(options: CallOptions): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(options.metadata ?? {})) metadata.set(name, value);
  return metadata;
}

function same(bytes: Buffer): Buffer {
  return bytes;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && 'details' in thrown && 'code' in thrown && typeof thrown.code === 'number';
}
