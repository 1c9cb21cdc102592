import type { RelearnError } from '@relearn/kernel';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { DataPlane } from '../inference/oip/data-plane.js';
import { logSettings, type TraceSettings } from '../inference/oip/fixed-settings.js';
import { refusals } from '../inference/refusals.js';
import { answerTo, type Handler, sendJson } from './rest-answer.js';

/** What the reference server has and this one has not says so. */
export function addAbsentRoutes(app: FastifyInstance, plane: DataPlane): void {
  const post = (path: string, handler: Handler) => answerTo(app, `/v2${path}`, { POST: handler });
  for (const action of ['load', 'unload']) {
    post(`/repository/models/:model/${action}`, async () => plane.controlModel(''));
    post(`/repository/:repository/models/:model/${action}`, async () => plane.controlModel('named'));
  }
  post('/repository/:repository/index', refusing(refusals.namedRepository));
  for (const kind of ['system', 'cuda']) {
    const base = `/${kind}sharedmemory`;
    const region = `${base}/region/:region`;
    answerTo(app, `/v2${base}/status`, { GET: async (_request, reply) => sendJson(reply, []) });
    answerTo(app, `/v2${region}/status`, {
      GET: refusing(({ params }) => refusals.noRegion(`${kind} `, (params as { region: string }).region)),
    });
    for (const path of [base, region]) {
      post(`${path}/register`, refusing(refusals.noSharedMemory));
      // As on the reference server: what is not there has been taken away.
      post(`${path}/unregister`, async (_request, reply) => reply.send());
    }
  }
  for (const path of ['/v2/trace/setting', '/v2/models/:model/trace/setting']) {
    answerTo(app, path, {
      async GET(request, reply) {
        const { model = '' } = request.params as { model?: string };
        return sendJson(reply, traceJson(plane.traceSettings(model)));
      },
      POST: refusing(refusals.noTrace),
    });
  }
  answerTo(app, '/v2/logging', {
    GET: async (_request, reply) => sendJson(reply, logSettings),
    POST: refusing(refusals.noLogging),
  });
}

function refusing(refusal: (request: FastifyRequest) => RelearnError): Handler {
  return async (request) => {
    throw refusal(request);
  };
}

/** In JSON the levels are a list, and everything else is one text. */
function traceJson(settings: TraceSettings): Record<string, unknown> {
  const told = Object.entries(settings).map(([name, values]) => [name, name === 'trace_level' ? values : values[0]]);
  return Object.fromEntries(told);
}
