import type { Rendered } from '@relearn/telemetry';
import type { FastifyInstance } from 'fastify';
import type { Missing } from '../standing.js';

/** How a process stands, or several that share these doors. */
export interface Stand {
  /** Takes requests: started, not stopping, and nothing is missing without which they are not answered. */
  readonly ready: boolean;
  readonly missing: readonly Missing[];
  readonly processes?: readonly StandOfProcess[];
}

export interface StandOfProcess extends Stand {
  readonly process: number;
  readonly pid: number;
}

/** What the probes ask. */
export interface Probed {
  stand(): Promise<Stand>;
  metrics(accept: string): Promise<Rendered>;
}

/** `/healthz`, `/readyz` and `/metrics`. Readiness names what is missing, and turns false before anything is torn down. */
export function addProbes(app: FastifyInstance, probed: Probed): void {
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const { ready, missing, processes } = await probed.stand();
    const told = missing.length === 0 ? {} : { missing };
    const each = processes?.map(({ process, pid, ready: one }) => ({ process, pid, status: word(one) }));
    return reply
      .code(ready ? 200 : 503)
      .send({ status: word(ready), ...told, ...(each === undefined ? {} : { processes: each }) });
  });
  app.get('/metrics', async ({ headers }, reply) => {
    const { contentType, body } = await probed.metrics(headers.accept ?? '');
    return reply.header('content-type', contentType).send(body);
  });
}

function word(ready: boolean): string {
  return ready ? 'ready' : 'not ready';
}
