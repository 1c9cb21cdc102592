import { RelearnError } from '@relearn/kernel';
import { type Letter, readLetters, requestReplay } from '@relearn/runtime';
import type { ConsoleDeps } from '../deps.js';
import { limitOf, numberIn, textIn } from './query.js';
import type { Route } from './route.js';
import { boolean, component, list, object, record, text } from './schemas.js';

const pipelineQuery = { type: 'string', description: 'Only those of this pipeline.' } as const;

/** Dead letters, to look at. */
export function letterRoutes({ ports }: Pick<ConsoleDeps, 'ports'>): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/dead-letters',
      operation: 'listDeadLetters',
      summary: 'Records that no consumer could take, the newest first, without their bytes.',
      query: { pipeline: pipelineQuery, limit: limitOf(1_000, 100) },
      answer: object({ deadLetters: list(component('DeadLetter')) }),
      async handle({ query }) {
        const pipeline = textIn(query, 'pipeline');
        const letters = await readLetters(ports.bus);
        const wanted = letters.filter(({ event }) => pipeline === undefined || event.pipeline === pipeline);
        return {
          deadLetters: wanted
            .toReversed()
            .slice(0, numberIn(query, 'limit', 100))
            .map(shown),
        };
      },
    },
    {
      method: 'GET',
      path: '/dead-letters/{id}',
      operation: 'getDeadLetter',
      summary: 'One of them with the headers and bytes of the record, the bytes in base64.',
      answer: {
        allOf: [component('DeadLetter'), object({ headers: record(text), value: text })],
      },
      async handle({ params }) {
        const id = params['id'] ?? '';
        const letter = (await readLetters(ports.bus)).find(({ event }) => event.id === id);
        if (letter === undefined) throw new RelearnError('NOT_FOUND', `there is no dead letter '${id}'`);
        const { headers, value, blob } = letter.event.data;
        const bytes = blob === undefined ? value : Buffer.from(await ports.blobs.get(blob)).toString('base64');
        return { ...shown(letter), headers, value: bytes };
      },
    },
  ];
}

/** Dead letters, to be taken again. */
export function replayRoute({ ports }: Pick<ConsoleDeps, 'ports'>): Route {
  return {
    method: 'POST',
    path: '/dead-letters/replay',
    operation: 'replayDeadLetters',
    summary:
      'Sends dead letters back to their consumers, in their order among themselves: those named by `ids`, those of a `pipeline`, or `all`. Each goes back once, however often it is asked for. `left` are those of deciders, whose bytes are no event: they stay.',
    body: object({ ids: { ...list(text), minItems: 1 }, pipeline: text, all: boolean }, ['ids', 'pipeline', 'all']),
    status: 202,
    answer: object({ requested: list(text), left: list(text) }),
    async handle({ body, actor }) {
      const { ids, pipeline, all } = body;
      // A misspelt name must not send back all there are.
      if (ids === undefined && pipeline === undefined && all !== true) {
        throw new RelearnError('INVALID_INPUT', 'say which: `ids`, a `pipeline`, or `all`: true');
      }
      const wanted = {
        ...(Array.isArray(ids) ? { ids: ids.map(String) } : {}),
        ...(typeof pipeline === 'string' ? { pipeline } : {}),
      };
      return await requestReplay(ports, wanted, actor);
    },
  };
}

function shown({ event, replayed }: Letter) {
  const { id, time, pipeline, data } = event;
  const { consumer, topic, partition, position, key, headers, records, code, message } = data;
  const type = headers['ce_type'] ?? null;
  return { id, time, pipeline, consumer, topic, partition, position, key, type, records, code, message, replayed };
}
