import { RelearnError, systemClock } from '@relearn/kernel';
import { expect, it } from 'vitest';
import type { BidiStreaming, CallOptions } from '../port.js';

interface Text {
  readonly text: string;
}

type Chat = BidiStreaming<Text, Text>;

export interface ChatSubject {
  readonly ask: (requests: AsyncIterable<Text>, options?: CallOptions) => AsyncIterable<Text>;
  /** What answers the next calls. */
  readonly answerBy: (handler: Chat) => void;
}

async function* texts(count: number): AsyncGenerator<Text> {
  for (let index = 0; index < count; index++) yield { text: String(index) };
}

/** Requests that go on until somebody stops them; `ended` resolves then. */
function endless() {
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  async function* requests(): AsyncGenerator<Text> {
    try {
      for (let index = 0; ; index++) yield { text: String(index) };
    } finally {
      end();
    }
  }
  return { requests: requests(), ended };
}

async function textsOf(answers: AsyncIterable<Text>): Promise<string[]> {
  const heard: string[] = [];
  for await (const { text } of answers) heard.push(text);
  return heard;
}

/** The promises of the rpc port for calls with streams both ways. */
export function chatConformance({ ask, answerBy }: ChatSubject): void {
  it('answers each request of a stream in order', async () => {
    answerBy(async function* (requests) {
      for await (const { text } of requests) yield { text: `${text}!` };
    });
    expect(await textsOf(ask(texts(500)))).toEqual(Array.from({ length: 500 }, (_, index) => `${index}!`));
  });

  it('lets the handler answer when the caller has no more requests', async () => {
    answerBy(async function* (requests) {
      let count = 0;
      for await (const _ of requests) count += 1;
      yield { text: String(count) };
    });
    expect(await textsOf(ask(texts(20)))).toEqual(['20']);
    expect(await textsOf(ask(texts(0)))).toEqual(['0']);
  });

  it('waits with a request until the answer to the one before has come, where the caller wants that', async () => {
    answerBy((requests) => requests);
    let asked = 0;
    let heard = 0;
    async function* requests(): AsyncGenerator<Text> {
      for (; asked < 10; asked++) {
        while (heard < asked) await new Promise((resolve) => setImmediate(resolve));
        yield { text: String(asked) };
      }
    }
    for await (const { text } of ask(requests())) {
      expect(text).toBe(String(heard));
      heard += 1;
    }
    expect(heard).toBe(10);
  });

  it('stops to read the requests when the handler ends first', async () => {
    answerBy(async function* (requests) {
      for await (const { text } of requests) {
        yield { text };
        if (text === '3') return;
      }
    });
    const { requests, ended } = endless();
    expect(await textsOf(ask(requests))).toEqual(['0', '1', '2', '3']);
    await ended;
  });

  it('brings an error of the handler to the caller, after what came before it', async () => {
    answerBy(async function* (requests) {
      for await (const { text } of requests) {
        if (text === '2') throw new RelearnError('RESOURCE_EXHAUSTED', 'enough', { retryAfterMs: 700 });
        yield { text };
      }
    });
    const { requests, ended } = endless();
    const heard: string[] = [];
    const broken = (async () => {
      for await (const { text } of ask(requests)) heard.push(text);
    })();
    await expect(broken).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', message: 'enough', retryAfterMs: 700 });
    expect(heard).toEqual(['0', '1']);
    await ended;
  });

  it("ends the call with what the caller's requests throw", async () => {
    let told: Promise<void> | undefined;
    answerBy(async function* (requests, context) {
      told = new Promise((resolve) => context.signal.addEventListener('abort', () => resolve(), { once: true }));
      yield* requests;
    });
    async function* broken(): AsyncGenerator<Text> {
      yield { text: 'a' };
      throw new RelearnError('CORRUPT', 'half a file');
    }
    await expect(textsOf(ask(broken()))).rejects.toMatchObject({ code: 'CORRUPT', message: 'half a file' });
    await told;
  });

  it('cancels both directions from outside', async () => {
    let told: Promise<void> | undefined;
    answerBy(async function* (requests, context) {
      told = new Promise((resolve) => context.signal.addEventListener('abort', () => resolve(), { once: true }));
      yield* requests;
    });
    const controller = new AbortController();
    const { requests, ended } = endless();
    const call = (async () => {
      for await (const { text } of ask(requests, { signal: controller.signal })) if (text === '5') controller.abort();
    })();
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    await Promise.all([ended, told]);
  });

  it('lets a handler that waits for requests go when the deadline has passed', async () => {
    let left = (): void => undefined;
    const gone = new Promise<void>((resolve) => {
      left = resolve;
    });
    answerBy(async function* (requests) {
      try {
        yield { text: 'ready' };
        yield* requests;
      } finally {
        left();
      }
    });
    async function* silent(): AsyncGenerator<Text> {
      await gone;
      yield { text: 'too late' };
    }
    const call = textsOf(ask(silent(), { deadline: systemClock.now() + 300 }));
    await expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await gone;
  });
}
