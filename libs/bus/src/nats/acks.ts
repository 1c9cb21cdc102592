import { headers as newHeaders, type Msg, type MsgHdrs } from 'nats';
import type { Encoded } from './codec.js';
import type { Connection } from './connection.js';
import { type ApiFailure, natsError } from './errors.js';

const ackMs = 10_000;

/** What came back for a message: its sequence in the stream, or why it is not there. */
export type Answer = { readonly sequence: number } | { readonly failure: ApiFailure };

interface Awaited {
  /** The stream takes all of the messages or none and answers the last one alone. */
  readonly whole: boolean;
  readonly count: number;
  readonly answers: Answer[];
  left: number;
  done(): void;
}

/**
 * Sends the messages of one partition together and gathers their acknowledgements, so that what is written of them is a prefix,
 * whatever is lost on the way.
 *
 * - A server by itself: each message but the first names the one before it, and is taken only right behind that one. The ids
 *   are new for each attempt and never used to find duplicates.
 * - A cluster: an atomic batch. There a replica checks the names of a chain when it applies what was agreed upon, again after
 *   a restart, and a check that fails then stops it for good (seen with 2.14.9).
 */
export class Acks {
  private readonly connection: Connection;
  private readonly inbox: string;
  private readonly awaited = new Map<string, Awaited>();
  private sent = 0;

  constructor(connection: Connection, inbox: string) {
    this.connection = connection;
    this.inbox = inbox;
    connection.nc.subscribe(`${inbox}.*.*`, { callback: (_, message) => this.take(message) });
  }

  /** Fewer answers than messages, or holes among them, when not all have come in time. */
  send(subject: string, messages: readonly Encoded[]): Promise<Answer[]> {
    const { nc } = this.connection;
    const token = `${this.sent++}`;
    const id = (index: number) => `${this.inbox}.${token}.${index}`;
    const whole = messages.length > 1 && nc.info?.cluster !== undefined;
    const answers = this.expect(token, messages.length, whole);
    const last = messages.length - 1;
    for (const [index, message] of messages.entries()) {
      const lines = linesOf(message);
      if (whole) {
        lines.append('Nats-Batch-Id', id(0));
        lines.append('Nats-Batch-Sequence', String(index + 1));
        if (index === last) lines.append('Nats-Batch-Commit', '1');
      } else {
        if (index < last) lines.append('Nats-Msg-Id', id(index));
        if (index > 0) lines.append('Nats-Expected-Last-Msg-Id', id(index - 1));
      }
      nc.publish(subject, message.data, { headers: lines, ...((!whole || index === last) && { reply: id(index) }) });
    }
    return answers;
  }

  private expect(token: string, count: number, whole: boolean): Promise<Answer[]> {
    return new Promise((resolve) => {
      const timer = this.connection.kernel.clock.after(ackMs, () => awaited.done());
      const forget = this.connection.whenLost(() => awaited.done());
      const awaited: Awaited = {
        whole,
        count,
        answers: [],
        left: whole ? 1 : count,
        done: () => {
          timer.cancel();
          forget();
          this.awaited.delete(token);
          resolve(awaited.answers);
        },
      };
      this.awaited.set(token, awaited);
    });
  }

  private take(message: Msg): void {
    const [token = '', index = ''] = message.subject.slice(this.inbox.length + 1).split('.');
    const awaited = this.awaited.get(token);
    if (awaited === undefined) return;
    const answer = answerOf(message);
    if (awaited.whole) awaited.answers.push(...answersOfAll(answer, awaited.count));
    else awaited.answers[Number(index)] = answer;
    awaited.left -= 1;
    if (awaited.left === 0) awaited.done();
  }
}

function linesOf({ headers }: Encoded): MsgHdrs {
  const lines = newHeaders();
  for (const [name, value] of headers) lines.append(name, value);
  return lines;
}

/** The messages of a batch stand side by side. */
function answersOfAll(last: Answer, count: number): Answer[] {
  if ('failure' in last) return [last];
  return Array.from({ length: count }, (_, index) => ({ sequence: last.sequence - (count - 1 - index) }));
}

function answerOf(message: Msg): Answer {
  if (message.headers?.code === 503) return { failure: { code: 503, description: 'no stream answers' } };
  try {
    const { seq, error } = message.json<{ seq?: number; error?: ApiFailure }>();
    if (error !== undefined) return { failure: error };
    if (seq !== undefined) return { sequence: seq };
  } catch (thrown) {
    return { failure: { code: 500, description: natsError('an acknowledgement', thrown).message } };
  }
  return { failure: { code: 500, description: 'an acknowledgement without a sequence' } };
}
