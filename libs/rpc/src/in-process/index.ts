import { type Clock, RelearnError } from '@relearn/kernel';
import { decode, encode, throughCodec } from '../coding.js';
import type { CallContext, CallOptions, Client, Method, RpcChannel, RpcServer, Service } from '../port.js';
import { errorOf, statusOf } from '../status.js';

type AnyHandler = (request: unknown, context: CallContext) => Promise<unknown> | AsyncIterable<unknown>;

/** Services of this process, called without a network and with everything else as over one. */
export class InProcessRpc implements RpcServer, RpcChannel {
  private readonly clock: Clock;
  private readonly handlers = new Map<string, AnyHandler>();
  private readonly services = new Set<string>();
  private closed = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  add<Handlers extends object>(service: Service<Handlers>, handlers: Handlers): void {
    if (this.services.has(service.name)) {
      throw new RelearnError('ALREADY_EXISTS', `service ${service.name} is already offered`);
    }
    this.services.add(service.name);
    const byName = handlers as Readonly<Record<string, AnyHandler | undefined>>;
    for (const method of service.methods) {
      const handler = byName[method.name];
      if (handler !== undefined) this.handlers.set(method.path, handler.bind(handlers));
    }
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
    this.closed = true;
  }

  private async unary(method: Method, request: unknown, options: CallOptions): Promise<unknown> {
    const call = new Call(this.clock, method.path, options);
    try {
      const handler = this.handlerOf(method);
      const heard = this.heard(method, request, call);
      call.check();
      const answer = await call.race(Promise.resolve(handler(heard, call)));
      const bytes = encode(method.response, answer, 'response', method.path);
      return decode(method.response, bytes, 'response', method.path);
    } catch (thrown) {
      throw errorOf(statusOf(thrown));
    } finally {
      call.end();
    }
  }

  private async *stream(method: Method, request: unknown, options: CallOptions): AsyncGenerator<unknown> {
    const call = new Call(this.clock, method.path, options);
    let answers: AsyncIterator<unknown> | undefined;
    try {
      const handler = this.handlerOf(method);
      const heard = this.heard(method, request, call);
      call.check();
      const answering = handler(heard, call) as AsyncIterable<unknown>;
      answers = throughCodec(answering, method.response, 'response', method.path);
      for (;;) {
        const next = await call.race(answers.next());
        if (next.done) return;
        yield next.value;
      }
    } catch (thrown) {
      throw errorOf(statusOf(thrown));
    } finally {
      call.abandon();
      // Not awaited: a handler that waits for something ends when it sees its signal, and nobody hears it any more.
      void answers?.return?.().catch(() => undefined);
    }
  }

  /** What the handler hears: the request, or a stream of them, which ends with the call. */
  private heard(method: Method, request: unknown, call: Call): unknown {
    const { path, request: codec, requestStream } = method;
    if (!requestStream) return decode(codec, encode(codec, request, 'request', path), 'request', path);
    return throughCodec(call.while(request as AsyncIterable<unknown>), codec, 'request', path);
  }

  private handlerOf(method: Method): AnyHandler {
    if (this.closed) throw new RelearnError('UNAVAILABLE', `${method.path}: the process is stopping`);
    const handler = this.handlers.get(method.path);
    if (handler === undefined) {
      throw new RelearnError('UNIMPLEMENTED', `${method.path}: this process does not offer it`);
    }
    return handler;
  }
}

/** One call: its context, and the race between its answer, its deadline and its caller. */
class Call implements CallContext {
  readonly deadline: number;
  readonly signal: AbortSignal;
  readonly metadata: Readonly<Record<string, string>>;
  private readonly controller = new AbortController();
  private readonly lost: Promise<never>;
  private readonly cleanUp: () => void;

  constructor(clock: Clock, path: string, options: CallOptions) {
    this.deadline = options.deadline ?? Number.POSITIVE_INFINITY;
    this.signal = this.controller.signal;
    this.metadata = lowerCased(options.metadata ?? {});
    const caller = options.signal;
    const give = (error: RelearnError) => this.controller.abort(error);
    const onAbort = () => give(new RelearnError('CANCELLED', `${path}: cancelled by the caller`));
    const left = this.deadline - clock.now();
    const late = () => give(new RelearnError('DEADLINE_EXCEEDED', `${path}: deadline exceeded`));
    this.lost = new Promise<never>((_resolve, reject) => {
      this.signal.addEventListener('abort', () => reject(this.signal.reason), { once: true });
    });
    // Whoever races sees it; a call that has its answer already does not.
    this.lost.catch(() => undefined);
    const timer = left > 0 && Number.isFinite(left) ? clock.after(left, late) : undefined;
    if (left <= 0) late();
    if (caller?.aborted) onAbort();
    caller?.addEventListener('abort', onAbort, { once: true });
    this.cleanUp = () => {
      timer?.cancel();
      caller?.removeEventListener('abort', onAbort);
    };
  }

  get cancelled(): boolean {
    return this.signal.aborted;
  }

  check(): void {
    if (this.signal.aborted) throw this.signal.reason;
  }

  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.lost]);
  }

  /** The messages until the call ends, then its error. */
  async *while(messages: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    const reading = messages[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.race(reading.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      void reading.return?.().catch(() => undefined);
    }
  }

  end(): void {
    this.cleanUp();
  }

  /** Ends the call and tells the handler that nobody listens. */
  abandon(): void {
    this.cleanUp();
    this.controller.abort(new RelearnError('CANCELLED', 'the caller has left'));
  }
}

function lowerCased(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), value]));
}
