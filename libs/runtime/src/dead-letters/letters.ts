import type { Bus } from '@relearn/bus';
import {
  type DataOf,
  deadLettered,
  deadLetterReplayRequested,
  decodeEvent,
  encodeEvent,
  type Event,
} from '@relearn/contracts';
import { formatTimestamp, RelearnError } from '@relearn/kernel';
import type { Ports } from '../ports.js';
import { Sequences } from '../sequences.js';

/** A dead letter as the log holds it. */
export interface Letter {
  readonly event: Event<DataOf<typeof deadLettered>>;
  readonly partition: number;
  readonly position: number;
  readonly appendedAt: number;
  /** Somebody has asked for its replay: it goes back, or is back already. */
  readonly replayed: boolean;
}

const limits = { maxRecords: 200, maxBytes: 4 * 1024 * 1024 };
/** Letters that one request names. */
const mostNamed = 500;

/** All letters that are kept, the oldest first. */
export async function readLetters(bus: Bus): Promise<Letter[]> {
  const letters = new Map<string, Letter>();
  for (const [partition, { first, end }] of (await bus.bounds('dead-letters')).entries()) {
    const sequences = new Sequences();
    for (let position = first; position < end; ) {
      const records = await bus.read('dead-letters', partition, position, limits);
      if (records.length === 0) break;
      for (const record of records) {
        position = record.position + 1;
        const event = decodeEvent(record);
        if (sequences.judge(event).kind === 'skip') continue;
        sequences.advance(event);
        if (deadLettered.is(event)) {
          const { appendedAt } = record;
          letters.set(event.id, { event, partition, position: record.position, appendedAt, replayed: false });
        } else if (deadLetterReplayRequested.is(event)) {
          for (const { id } of event.data.letters) {
            const letter = letters.get(id);
            if (letter !== undefined) letters.set(id, { ...letter, replayed: true });
          }
        }
      }
    }
  }
  return [...letters.values()].sort((a, b) => a.appendedAt - b.appendedAt || a.position - b.position);
}

/** Which letters are to be replayed: those with these ids, those of a pipeline, or all. */
export interface Wanted {
  readonly ids?: readonly string[];
  readonly pipeline?: string;
}

/** What a request for a replay came to, by ids. */
export interface ReplayRequested {
  /** In the order in which they go back. */
  readonly requested: string[];
  /** Wanted, and left where they are: their bytes are no event that a decider could read. */
  readonly left: string[];
}

/**
 * Asks for the replay of letters that nobody has asked for yet. Durable when it resolves. Throws NOT_FOUND for an unknown
 * id, REFUSED where a letter of a decider is named by its id.
 */
export async function requestReplay(ports: Ports, { ids, pipeline }: Wanted, actor: string): Promise<ReplayRequested> {
  const letters = await readLetters(ports.bus);
  const known = new Map(letters.map((letter) => [letter.event.id, letter]));
  for (const id of ids ?? []) refuse(id, known.get(id));
  const named = new Set(ids);
  const wanted = letters.filter(
    (letter) =>
      !letter.replayed &&
      (ids === undefined || named.has(letter.event.id)) &&
      (pipeline === undefined || letter.event.pipeline === pipeline),
  );
  const [left, back] = [wanted.filter(isDeciders), wanted.filter((letter) => !isDeciders(letter))];
  for (const mine of grouped(back)) {
    for (let from = 0; from < mine.length; from += mostNamed) {
      await ports.bus.publish([requestOf(ports, mine.slice(from, from + mostNamed), actor)]);
    }
  }
  const idsOf = (some: readonly Letter[]) => some.map(({ event }) => event.id);
  return { requested: idsOf(back), left: idsOf(left) };
}

/** A decider puts aside only what is no event at all: all else holds its partition. */
function isDeciders({ event }: Letter): boolean {
  return event.data.consumer.endsWith('-decider');
}

function refuse(id: string, letter: Letter | undefined): void {
  if (letter === undefined) {
    throw new RelearnError('NOT_FOUND', `there is no dead letter '${id}'`, {
      remedy: '`relearn dead-letters list` shows them.',
    });
  }
  if (isDeciders(letter)) {
    throw new RelearnError('REFUSED', `${id} is no event that could be read, and a replay does not change its bytes`);
  }
}

/** Letters of one partition and pipeline together: a request belongs to its pipeline as they do. */
function grouped(letters: readonly Letter[]): Letter[][] {
  const groups = new Map<string, Letter[]>();
  for (const letter of letters) {
    const key = `${letter.partition}/${letter.event.pipeline}`;
    groups.set(key, [...(groups.get(key) ?? []), letter]);
  }
  return [...groups.values()];
}

function requestOf(ports: Ports, letters: readonly Letter[], actor: string) {
  const { clock, chance } = ports.kernel;
  const { partition = 0, event: { pipeline } = { pipeline: '' } } = letters[0] ?? {};
  const source = `replay/${chance.id()}`;
  const event = {
    id: `${source}@1`,
    source,
    type: deadLetterReplayRequested.type,
    sequence: 1,
    previous: null,
    time: formatTimestamp(clock.wall()),
    pipeline,
    pipelineversion: 0,
    actor,
    data: { letters: letters.map(({ event: { id }, position }) => ({ id, position })) },
  };
  return { topic: deadLetterReplayRequested.topic, partition, key: pipeline, ...encodeEvent(event) };
}
