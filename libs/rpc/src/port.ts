import type { MachineMs } from '@relearn/kernel';

/** What a handler knows of its call. */
export interface CallContext {
  /** The caller's deadline on this machine's monotonic clock; infinite where none was given. */
  readonly deadline: MachineMs;
  /** Aborts when the caller gives up or the deadline has passed: the answer is wanted no longer. */
  readonly signal: AbortSignal;
  /** Whether the signal has aborted: for hot paths, since asking for the signal makes one. */
  readonly cancelled: boolean;
  /** Text metadata by lower-case name. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface CallOptions {
  readonly deadline?: MachineMs;
  readonly signal?: AbortSignal;
  readonly metadata?: Readonly<Record<string, string>>;
}

export type Unary<Request, Response> = (request: Request, context: CallContext) => Promise<Response>;
export type ServerStreaming<Request, Response> = (request: Request, context: CallContext) => AsyncIterable<Response>;
/** Requests are read as the handler asks for them: a slow handler holds a fast caller up. */
export type BidiStreaming<Request, Response> = (
  requests: AsyncIterable<Request>,
  context: CallContext,
) => AsyncIterable<Response>;

export interface Codec<Message> {
  encode(message: Message): Uint8Array;
  decode(bytes: Uint8Array): Message;
}

export interface Method {
  readonly name: string;
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Only together with `responseStream`: a caller of many requests hears of each. */
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly request: Codec<unknown>;
  readonly response: Codec<unknown>;
  /** A request's bytes are lent to its handler: once that has answered, they are gone. What is to stay of them it copies. */
  readonly lent: boolean;
}

/**
 * A service of a .proto file. `Handlers` is its type on both sides: method names in lower camel case, each
 * a `Unary`, a `ServerStreaming` or a `BidiStreaming`.
 */
export interface Service<Handlers> {
  readonly name: string;
  /** The .proto file that declares it: a path below `proto/` or an absolute one. */
  readonly file: string;
  readonly methods: readonly Method[];
  /** Never set: carries the type. */
  readonly handlers?: Handlers;
}

/** A service's methods as a caller sees them. Every call fails with a RelearnError and nothing else. */
export type Client<Handlers> = {
  readonly [Name in keyof Handlers]: Handlers[Name] extends (
    request: infer Request,
    context: CallContext,
  ) => infer Answer
    ? (request: Request, options?: CallOptions) => Answer
    : never;
};

/** Where services are offered. A handler's RelearnError reaches the caller with its code, message and retry delay. */
export interface RpcServer {
  add<Handlers extends object>(service: Service<Handlers>, handlers: Handlers): void;
}

/**
 * A way to one server. Requests and responses always pass through their encoding, so that nothing is shared
 * between caller and handler. An unknown service or method is UNIMPLEMENTED, an unreachable server UNAVAILABLE.
 */
export interface RpcChannel {
  client<Handlers extends object>(service: Service<Handlers>): Client<Handlers>;
  close(): Promise<void>;
}
