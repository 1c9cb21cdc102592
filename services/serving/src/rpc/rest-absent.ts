import type { RelearnError } from '@relearn/kernel';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { DataPlane } from '../inference/oip/data-plane.js';
import { logSettings, type TraceSettings } from '../inference/oip/fixed-settings.js';
import { refusals } from '../inference/refusals.js';
import { answerTo, type Handler, sendJson } from './rest-answer.js';

/** What the reference server has and this one has not says so. */
export function addAbsentRoutes(app: FastifyInstance, plane: DataPlane): void {
  const refuse = (path: string, verbs: readonly ('GET' | 'POST')[], refusal: (request: FastifyRequest) => never) => {
    const handler: Handler = async (request) => refusal(request);
    answerTo(app, `/v2${path}`, Object.fromEntries(verbs.map((verb) => [verb, handler])));
  };
  const thrown = (refusal: () => RelearnError) => (): never => {
    throw refusal();
  };
  for (const action of ['load', 'unload']) {
    refuse(`/repository/models/:model/${action}`, ['POST'], () => plane.controlModel(''));
    refuse(`/repository/:repository/models/:model/${action}`, ['POST'], () => plane.controlModel('named'));
  }
  refuse('/repository/:repository/index', ['POST'], () => {
    throw refusals.namedRepository();
  });
  for (const kind of ['system', 'cuda']) {
    const base = `/${kind}sharedmemory`;
    answerTo(app, `/v2${base}/status`, { GET: async (_request, reply) => sendJson(reply, []) });
    refuse(`${base}/region/:region/status`, ['GET'], (request) => {
      throw refusals.noRegion(`${kind} `, (request.params as { region: string }).region);
    });
    for (const path of [base, `${base}/region/:region`]) {
      refuse(`${path}/register`, ['POST'], thrown(refusals.noSharedMemory));
      // As on the reference server: what is not there has been taken away.
      answerTo(app, `/v2${path}/unregister`, { POST: async (_request, reply) => reply.send() });
    }
  }
  for (const path of ['/trace/setting', '/models/:model/trace/setting']) {
    answerTo(app, `/v2${path}`, {
      async GET(request, reply) {
        const { model = '' } = request.params as { model?: string };
        return sendJson(reply, traceJson(plane.traceSettings(model)));
      },
      POST: async () => thrown(refusals.noTrace)(),
    });
  }
  answerTo(app, '/v2/logging', {
    GET: async (_request, reply) => sendJson(reply, logSettings),
    POST: async () => thrown(refusals.noLogging)(),
  });
}

/** In JSON the levels are a list, and everything else is one text. */
function traceJson(settings: TraceSettings): Record<string, unknown> {
  const told = Object.entries(settings).map(([name, values]) => [name, name === 'trace_level' ? values : values[0]]);
  return Object.fromEntries(told);
}
