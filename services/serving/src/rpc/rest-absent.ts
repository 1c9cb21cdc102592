import type { RelearnError } from '@relearn/kernel';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { DataPlane } from '../inference/oip/data-plane.js';
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
    for (const path of ['register', 'unregister', 'region/:region/register', 'region/:region/unregister']) {
      refuse(`${base}/${path}`, ['POST'], thrown(refusals.noSharedMemory));
    }
  }
  for (const path of ['/trace/setting', '/models/:model/trace/setting']) {
    refuse(path, ['GET', 'POST'], thrown(refusals.noTrace));
  }
  refuse('/logging', ['GET', 'POST'], thrown(refusals.noLogging));
}
