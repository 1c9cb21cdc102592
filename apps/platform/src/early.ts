import type { Kernel } from '@relearn/kernel';
import type { GrpcServer } from '@relearn/rpc/grpc';
import type { Telemetry } from '@relearn/telemetry';
import type { FastifyInstance } from 'fastify';
import type { HttpDoor } from './doors/http.js';
import { refuse } from './doors/refuse.js';
import { type Front, type FrontOptions, makeFront } from './front.js';

export interface EarlyOptions extends FrontOptions {
  readonly kernel: Kernel;
  readonly telemetry: Telemetry;
  readonly grpc: GrpcServer;
  readonly http: HttpDoor;
  /** An application without routes. */
  readonly routes: FastifyInstance;
  /** What is waited for, in words. */
  readonly waitsFor: () => string;
  /** Takes what ends what has been started. */
  readonly closedBy: (closer: () => Promise<void>) => void;
}

/**
 * Answers requests from the bundle cache before the engines are there: with what was in force when this process last knew it.
 * Where the cache holds nothing, nothing is answered.
 */
export async function answerEarly(options: EarlyOptions): Promise<Front> {
  const { kernel, telemetry, grpc, http, routes, waitsFor, closedBy } = options;
  const made = await makeFront(kernel, telemetry, options);
  const { front, spool, plane } = made;
  closedBy(() => spool.stop());
  closedBy(() => front.stop());
  await spool.start();
  await front.start();
  if (!front.serves) return made;
  const { addInferenceService, registerInferenceRoutes } = await import('@relearn/serving');
  addInferenceService(grpc, plane);
  closedBy(() => grpc.stop());
  await grpc.start();
  registerInferenceRoutes(routes, plane);
  routes.setNotFoundHandler((request, reply) => refuse(reply, request.url, 'UNAVAILABLE', waitsFor()));
  await http.serve(routes);
  await http.start();
  telemetry.log.info({ models: front.host.list().length }, 'answers from the bundle cache; the engines are waited for');
  return { ...made, offeredAt: grpc };
}
