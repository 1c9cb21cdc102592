import { RelearnError } from '@relearn/kernel';
import { remoteClient } from '../client.js';
import type { Action } from '../command.js';
import { styler, table } from '../terminal.js';
import { queryOf, reading } from './reading.js';

interface DeadLetter {
  readonly id: string;
  readonly time: string;
  readonly pipeline: string;
  readonly consumer: string;
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
  readonly key: string | null;
  readonly type: string | null;
  readonly records: number;
  readonly code: string;
  readonly message: string;
  readonly replayed: boolean;
}

/** Records that no consumer could take. */
export function listLetters(
  action: Action,
  _args: readonly string[],
  options: { pipeline?: string; limit?: string },
): Promise<void> {
  const style = styler(action.terminal.out, action.terminal.env);
  return reading(action, async (client) => {
    const { deadLetters } = await client.get<{ deadLetters: DeadLetter[] }>(`/dead-letters${queryOf({ ...options })}`);
    const rows = deadLetters.map((letter) => [
      letter.id,
      letter.time.slice(0, 19),
      letter.pipeline,
      `${letter.topic}/${letter.partition}@${letter.position}`,
      String(letter.records),
      style('red', letter.code),
      letter.replayed ? style('green', 'replayed') : '',
      letter.message,
    ]);
    const headers = ['id', 'time', 'pipeline', 'record', '>records', 'code', 'state', 'message'];
    action.print({ deadLetters }, rows.length === 0 ? 'No dead letter.' : table(headers, rows, style));
  });
}

/** One of them with all that was kept of the record. */
export function showLetter(action: Action, [id = '']: readonly string[]): Promise<void> {
  const style = styler(action.terminal.out, action.terminal.env);
  return reading(action, async (client) => {
    const letter = await client.get<DeadLetter & { headers: Readonly<Record<string, string>>; value: string }>(
      `/dead-letters/${encodeURIComponent(id)}`,
    );
    const { consumer, topic, partition, position, key, records, code, message, replayed, headers, value } = letter;
    const facts = [
      `${consumer} could not take ${topic}/${partition}@${position} (key ${key ?? 'none'}, ${records} records)`,
      `${style('red', code)}: ${message}`,
      replayed ? 'It has been sent back.' : 'It has not been sent back.',
      ...Object.entries(headers).map(([name, content]) => `${style('dim', `${name}:`)} ${content}`),
      Buffer.from(value, 'base64').toString('utf8'),
    ];
    action.print(letter, facts.join('\n'));
  });
}

/** Sends letters back to their consumers. */
export async function replayLetters(
  { terminal, print }: Action,
  ids: readonly string[],
  { all, pipeline }: { all?: boolean; pipeline?: string },
): Promise<void> {
  if ([ids.length > 0, all === true, pipeline !== undefined].filter(Boolean).length !== 1) {
    throw new RelearnError('INVALID_INPUT', 'say which: ids, --pipeline NAME or --all');
  }
  const wanted = {
    ...(all === true ? { all } : {}),
    ...(ids.length > 0 ? { ids } : {}),
    ...(pipeline === undefined ? {} : { pipeline }),
  };
  const answer = await remoteClient(terminal).post<{ requested: string[]; left: string[] }>(
    '/dead-letters/replay',
    wanted,
  );
  const { requested, left } = answer;
  const lines = [
    ...requested,
    requested.length === 0
      ? 'No letter that had not been sent back already.'
      : `${requested.length} sent back; what fails again is a new dead letter`,
    ...left.map(
      (id) => `${id} stays: it is no event that its decider could read, and a replay does not change its bytes`,
    ),
  ];
  print(answer, lines.join('\n'));
}
