import {
  Client as GrpcClient,
  type CallOptions as GrpcOptions,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { type Clock, RelearnError } from '@relearn/kernel';
import { decode, encode } from '../coding.js';
import type { CallOptions, Client, Method, RpcChannel, Service } from '../port.js';
import { errorOfWire } from './wire-status.js';

export interface GrpcChannelOptions {
  /** `host:port`. */
  readonly address: string;
  readonly clock: Clock;
  /** The greatest response that is accepted, in bytes. Default 2^31 - 1. */
  readonly maxReceiveBytes?: number;
}

/** One connection to a gRPC server; it reconnects by itself. */
export class GrpcChannel implements RpcChannel {
  private readonly clock: Clock;
  private readonly grpc: GrpcClient;

  constructor(options: GrpcChannelOptions) {
    this.clock = options.clock;
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
    const message = bufferOf(encode(method.request, request, 'request', method.path));
    this.checkStillWanted(method, options);
    const call = this.grpc.makeServerStreamRequest(
      method.path,
      same,
      same,
      message,
      metadataOf(options),
      this.grpcOptions(options),
    );
    const cancel = () => call.cancel();
    options.signal?.addEventListener('abort', cancel, { once: true });
    try {
      for await (const bytes of call as AsyncIterable<Buffer>) {
        yield decode(method.response, bytes, 'response', method.path);
      }
    } catch (thrown) {
      throw isServiceError(thrown) ? errorOfWire(thrown) : RelearnError.from(thrown);
    } finally {
      options.signal?.removeEventListener('abort', cancel);
      // A cancelled call reports that it was; nobody listens after an early return.
      call.on('error', () => undefined);
      call.cancel();
    }
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
