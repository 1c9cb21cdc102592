import { errorCodes, RelearnError } from '@relearn/kernel';
import { encode } from '../coding.js';
import type { CallContext, Method, Service } from '../port.js';
import type { GrpcServerOptions } from './grpc-server.js';
import { HealthBoard, healthService } from './health.js';
import { reflectionOver, reflectionServices } from './reflection.js';

export type Handler = (request: unknown, context: CallContext) => Promise<unknown> | AsyncIterable<unknown>;

/** A method that somebody answers. */
export interface Offer {
  readonly method: Method;
  readonly handler: Handler;
}

/** Offers a service's methods that have a handler. */
function offersOf<Handlers extends object>(service: Service<Handlers>, handlers: Handlers): readonly Offer[] {
  const byName = handlers as Readonly<Record<string, Handler | undefined>>;
  return service.methods.flatMap((method) => {
    const handler = byName[method.name];
    return handler === undefined ? [] : [{ method, handler: handler.bind(handlers) }];
  });
}

/** The services of one server, with their health, that service itself and reflection among them. */
export class Offered {
  readonly health = new HealthBoard();
  private readonly services = new Map<string, Service<unknown>>();
  private readonly offer: (offers: readonly Offer[]) => void;

  /** `offer` makes methods answer. */
  constructor(offer: (offers: readonly Offer[]) => void) {
    this.offer = offer;
    this.add(healthService, this.health.handlers);
    const reflection = reflectionOver(() => [...this.services.values()]);
    for (const service of reflectionServices) offer(offersOf(service, reflection));
  }

  /** Throws ALREADY_EXISTS. */
  add<Handlers extends object>(service: Service<Handlers>, handlers: Handlers): void {
    if (this.services.has(service.name)) {
      throw new RelearnError('ALREADY_EXISTS', `service ${service.name} is already offered`);
    }
    this.services.set(service.name, service);
    this.offer(offersOf(service, handlers));
    this.health.set(service.name, 'SERVING');
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
