import type { Kernel } from '@relearn/kernel';
import type { GrpcServer } from '@relearn/rpc/grpc';
import type { Telemetry } from '@relearn/telemetry';
import type { FullPolicy } from '@relearn/serving';
import type { FastifyInstance } from 'fastify';
import type { HttpDoor } from './doors/http.js';
import { refuse } from './doors/refuse.js';
import { type Front, makeFront } from './front.js';

export interface EarlyOptions {
  readonly kernel: Kernel;
  readonly telemetry: Telemetry;
  /** The process's own folder. */
  readonly data: string;
  readonly grpc: GrpcServer;
  readonly http: HttpDoor;
  readonly whenFull: FullPolicy;
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
  const { kernel, telemetry, data, whenFull, grpc, http, routes, waitsFor, closedBy } = options;
  const made = await makeFront(kernel, telemetry, { data, cached: true, whenFull });
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
  telemetry.log.info({ models: front.host.list().length }, 'answers from the bundle cache; the engines are waited for');
  return { ...made, offeredAt: grpc };
}
