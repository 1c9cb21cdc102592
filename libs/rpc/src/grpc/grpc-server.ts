import type { Clock, Part, RelearnError } from '@relearn/kernel';
import type { RpcServer } from '../port.js';
import { GrpcJsServer } from './grpc-js/server.js';
import type { HealthBoard } from './health.js';
import { Http2Server } from './http2/server.js';

/** What speaks gRPC: our own server of HTTP/2, or grpc-js. Both keep the same promises. */
export type GrpcFront = 'http2' | 'grpc-js';

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

/** A gRPC server that several services share; it answers grpc.health.v1 and server reflection by itself. */
export interface GrpcServer extends Part, RpcServer {
  readonly health: HealthBoard;
  /** The port that is listened on. Throws UNAVAILABLE before the start. */
  readonly port: number;
  /** Throws UNAVAILABLE where the address is in use or forbidden, INVALID_CONFIG where it is none. */
  start(): Promise<void>;
  /** Health turns false, then running calls are waited for, then what is left is cut off. */
  stop(): Promise<void>;
}

export function grpcServer(options: GrpcServerOptions, front: GrpcFront = 'http2'): GrpcServer {
  return front === 'http2' ? new Http2Server(options) : new GrpcJsServer(options);
}
