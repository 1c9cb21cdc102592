import {
  deadLettered,
  deadLetterReplayed,
  deadLetterReplayRequested,
  decodeEvent,
  type LoggedEvent,
  rowAddress,
} from '@relearn/contracts';
import { emission, type Emission } from '../emit.js';
import type { FoldDefinition, Shard } from '../fold/definition.js';

/** Positions of the letters that have been sent back, in the order in which that was asked for. */
interface SentBack {
  readonly letters: Set<number>;
  changed: boolean;
}

const part = 'letters';
const text = new TextEncoder();
const utf8 = new TextDecoder();

/**
 * Sends dead letters back to the topics that they came from, each once, in their order among those that were asked for
 * together. It is the only writer of what it sends, so that the sequences grow and no letter overtakes another.
 */
export function sendBack(): FoldDefinition<SentBack> {
  return {
    service: 'dead-letters',
    topics: ['dead-letters'],
    // Requests come from doors, each with a source of its own: the letters tell what has been done.
    sequenced: () => false,
    open(_shard, saved) {
      const bytes = saved.get(part);
      const letters = bytes === undefined ? [] : (JSON.parse(utf8.decode(bytes)) as number[]);
      return { letters: new Set(letters), changed: false };
    },
    async apply(state, event, _fromRow, shard) {
      if (!deadLetterReplayRequested.is(event)) return [];
      const { letters } = deadLetterReplayRequested.read(event).data;
      const sent: Emission[] = [];
      for (const position of [...new Set(letters.map((letter) => letter.position))].sort((a, b) => a - b)) {
        if (state.letters.has(position)) continue;
        const letter = await replayOf(event, position, sent.length, shard);
        if (letter === null) continue;
        state.letters.add(position);
        state.changed = true;
        sent.push(letter);
      }
      return sent;
    },
    save({ letters, changed }) {
      return changed ? new Map([[part, text.encode(JSON.stringify([...letters]))]]) : new Map();
    },
  };
}

/** Null where no letter stands at the position, or not any more. */
async function replayOf(
  request: LoggedEvent,
  position: number,
  index: number,
  { ports, partition }: Shard,
): Promise<Emission | null> {
  const limits = { maxRecords: 1, maxBytes: 1 };
  const [record] = await ports.bus.read('dead-letters', partition, position, limits);
  if (record === undefined || record.position !== position) return null;
  const letter = decodeEvent(record);
  if (!deadLettered.is(letter)) return null;
  const { code: _, message: __, ...original } = letter.data;
  return emission({
    type: deadLetterReplayed,
    topic: original.topic,
    pipeline: letter.pipeline,
    pipelineVersion: letter.pipelineversion,
    source: `dead-letters/${original.consumer}/${partition}/${original.topic}`,
    sequence: rowAddress(request.position, index),
    time: Date.parse(original.headers['ce_time'] ?? '') || Date.parse(request.time),
    partition,
    causationId: request.id,
    headers: { ce_records: String(original.records) },
    data: { ...original, letter: letter.id },
  });
}
