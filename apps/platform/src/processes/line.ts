import { type Clock, RelearnError } from '@relearn/kernel';

/** What two processes ask each other: how they stand, and what they count. */
export type Question = { readonly about: 'standing' } | { readonly about: 'metrics'; readonly accept: string };

type Answer = { readonly kind: 'answer'; readonly id: number; readonly told?: unknown; readonly failure?: string };
type Message =
  | { readonly kind: 'question'; readonly id: number; readonly question: Question }
  | Answer
  | { readonly kind: 'serves'; readonly at: Doors };

/** Where a process answers. */
export interface Doors {
  readonly url: string;
  readonly grpcAddress: string;
}

/** The channel between a process and the one that forked it: either side of node:cluster's. */
export interface Channel {
  /** Does nothing where the other side has gone. */
  send(message: object): void;
  onMessage(take: (message: object) => void): void;
}

export interface LineOptions {
  readonly channel: Channel;
  readonly clock: Clock;
  /** Answers the other side. */
  readonly answer: (question: Question) => Promise<unknown>;
  readonly onServes?: (at: Doors) => void;
}

/** Questions and answers in both directions. */
export class Line {
  private readonly options: LineOptions;
  private readonly waiting = new Map<number, (message: Answer) => void>();
  private asked = 0;

  constructor(options: LineOptions) {
    this.options = options;
    options.channel.onMessage((message) => void this.take(message as Message));
  }

  /** Throws UNAVAILABLE where no answer comes in time. Whoever asks knows what an answer to the question is. */
  ask<Told>(question: Question, withinMs: number): Promise<Told> {
    const id = this.asked++;
    return new Promise<Told>((resolve, reject) => {
      const refuse = (why: string) =>
        reject(new RelearnError('UNAVAILABLE', `no answer about ${question.about}: ${why}`));
      const timer = this.options.clock.after(withinMs, () => {
        this.waiting.delete(id);
        refuse(`none for ${withinMs} ms`);
      });
      this.waiting.set(id, ({ told, failure }) => {
        timer.cancel();
        this.waiting.delete(id);
        if (failure === undefined) resolve(told as Told);
        else refuse(failure);
      });
      this.send({ kind: 'question', id, question });
    });
  }

  /** Tells that this side answers requests from now on. */
  serves(at: Doors): void {
    this.send({ kind: 'serves', at });
  }

  private send(message: Message): void {
    this.options.channel.send(message);
  }

  private async take(message: Message): Promise<void> {
    if (message.kind === 'serves') return this.options.onServes?.(message.at);
    if (message.kind === 'answer') return this.waiting.get(message.id)?.(message);
    const { id, question } = message;
    try {
      this.send({ kind: 'answer', id, told: await this.options.answer(question) });
    } catch (thrown) {
      this.send({ kind: 'answer', id, failure: RelearnError.from(thrown).message });
    }
  }
}
