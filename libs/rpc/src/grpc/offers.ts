import { errorCodes, RelearnError } from '@relearn/kernel';
import { encode } from '../coding.js';
import type { CallContext, Method, Service } from '../port.js';
import type { GrpcServerOptions } from './grpc-server.js';

export type Handler = (request: unknown, context: CallContext) => Promise<unknown> | AsyncIterable<unknown>;

/** A method that somebody answers. */
export interface Offer {
  readonly method: Method;
  readonly handler: Handler;
}

/** Offers a service's methods that have a handler. */
export function offersOf<Handlers extends object>(service: Service<Handlers>, handlers: Handlers): readonly Offer[] {
  const byName = handlers as Readonly<Record<string, Handler | undefined>>;
  return service.methods.flatMap((method) => {
    const handler = byName[method.name];
    return handler === undefined ? [] : [{ method, handler: handler.bind(handlers) }];
  });
}

/** The services of one server. */
export class Offered {
  private readonly services = new Map<string, Service<unknown>>();

  /** Throws ALREADY_EXISTS. */
  add(service: Service<unknown>): void {
    if (this.services.has(service.name)) {
      throw new RelearnError('ALREADY_EXISTS', `service ${service.name} is already offered`);
    }
    this.services.set(service.name, service);
  }

  get all(): readonly Service<unknown>[] {
    return [...this.services.values()];
  }
}

/** Tells of a unary call's end; the call begins now. */
export function timed({ clock, onCall }: GrpcServerOptions, path: string): (status: number) => void {
  if (onCall === undefined) return () => undefined;
  const began = clock.now();
  return (status) => onCall({ path, status, seconds: (clock.now() - began) / 1000 });
}

/** Tells of a handler's INTERNAL error. */
export function failed(thrown: unknown, path: string, { onDefect }: GrpcServerOptions): RelearnError {
  const error = RelearnError.from(thrown);
  if (error.grpc === errorCodes.INTERNAL.grpc) onDefect?.(error, path);
  return error;
}

export function encoded({ response, path }: Method, message: unknown): Uint8Array {
  return encode(response, message, 'response', path);
}
