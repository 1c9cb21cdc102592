import { fileURLToPath } from 'node:url';
import { RelearnError, systemClock } from '@relearn/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BidiStreaming, CallContext, Client, RpcChannel, RpcServer, ServerStreaming, Unary } from '../port.js';
import { chatConformance } from './chat.js';
import { serviceOf } from '../service.js';

export interface EchoMessage {
  readonly text: string;
  readonly bigNumber?: string;
  readonly payload?: Uint8Array;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ratio?: number;
  readonly flag?: boolean;
  readonly mood?: string;
  readonly values?: readonly number[];
}

export interface Echo {
  chat: BidiStreaming<EchoMessage, EchoMessage>;
  say: Unary<EchoMessage, EchoMessage>;
  count: ServerStreaming<{ upto: number; failAfter?: number }, EchoMessage>;
  absent: Unary<EchoMessage, EchoMessage>;
}

const echoProto = fileURLToPath(new URL('../../src/conformance/echo.proto', import.meta.url));
export const echoService = serviceOf<Echo>(echoProto, 'relearn.conformance.Echo');

/** What `say` does, by its text. */
type Behaviour = (request: EchoMessage, context: CallContext) => Promise<EchoMessage>;

export interface RpcSubject {
  readonly server: RpcServer;
  /** Called after the services are added. */
  readonly connect: () => Promise<RpcChannel>;
  readonly stop: () => Promise<void>;
}

/** The promises of the rpc port, for any pair of server and channel. */
export function rpcConformance(adapter: string, open: () => Promise<RpcSubject>): void {
  describe(`rpc port: ${adapter}`, () => {
    let subject: RpcSubject;
    let channel: RpcChannel;
    let echo: Client<Echo>;
    let behave: Behaviour = async (request) => request;
    let chat: Echo['chat'] = (requests) => requests;
    let counted = 0;
    let countEnded: Promise<void> | undefined;

    beforeAll(async () => {
      subject = await open();
      const handlers: Omit<Echo, 'absent'> = {
        chat: (requests, context) => chat(requests, context),
        say: (request, context) => behave(request, context),
        count: async function* ({ upto, failAfter = 0 }, context) {
          let end = (): void => undefined;
          countEnded = new Promise((resolve) => {
            end = resolve;
          });
          try {
            for (counted = 0; counted < upto && !context.signal.aborted; counted++) {
              if (failAfter > 0 && counted === failAfter) throw new RelearnError('CORRUPT', 'count broke');
              yield { text: String(counted) };
              await systemClock.breathe();
            }
          } finally {
            end();
          }
        },
      };
      subject.server.add(echoService, handlers as Echo);
      channel = await subject.connect();
      echo = channel.client(echoService);
    });

    afterAll(async () => {
      await channel.close();
      await subject.stop();
    });

    it('carries every kind of field there and back', async () => {
      behave = async (request) => request;
      const sent = {
        text: 'grüße',
        bigNumber: '9007199254740993',
        payload: Buffer.from([0, 255, 7]),
        labels: { a: '1' },
        ratio: Number.NaN,
        mood: 'MOOD_FINE',
        values: [1.5, Number.POSITIVE_INFINITY],
      };
      expect(await echo.say(sent)).toMatchObject({ ...sent, choice: 'ratio' });
    });

    it('fills absent fields with their defaults', async () => {
      behave = async (request) => request;
      expect(await echo.say({ text: '' })).toMatchObject({
        text: '',
        bigNumber: '0',
        labels: {},
        mood: 'MOOD_UNSPECIFIED',
        values: [],
      });
    });

    it('shares no object between caller and handler', async () => {
      let heard: EchoMessage | undefined;
      const answer = { text: 'answer', labels: { a: '1' } };
      behave = async (request) => {
        heard = request;
        return answer;
      };
      const sent = { text: 'question', labels: { b: '2' } };
      const got = await echo.say(sent);
      expect(heard).not.toBe(sent);
      expect(heard?.labels).not.toBe(sent.labels);
      expect(got.labels).toEqual(answer.labels);
      expect(got.labels).not.toBe(answer.labels);
    });

    it('gives the handler the metadata, by lower-case names', async () => {
      behave = async (_request, context) => ({ text: context.metadata['traceparent'] ?? 'none' });
      expect((await echo.say({ text: 'x' }, { metadata: { TraceParent: '00-abc' } })).text).toBe('00-abc');
    });

    it.each(['INVALID_INPUT', 'TOO_LARGE', 'FENCED', 'GAP', 'UNAVAILABLE', 'STORAGE_FAILED'] as const)(
      'brings the code %s, the message and the retry delay back to the caller',
      async (code) => {
        behave = async () => {
          throw new RelearnError(code, 'nein: größer', { place: { field: 'a' }, retryAfterMs: 1500 });
        };
        await expect(echo.say({ text: 'x' })).rejects.toMatchObject({
          name: 'RelearnError',
          code,
          message: 'a: nein: größer',
          retryAfterMs: 1500,
        });
      },
    );

    it('turns any other throw into INTERNAL', async () => {
      behave = async () => {
        throw new TypeError('slip');
      };
      await expect(echo.say({ text: 'x' })).rejects.toMatchObject({ code: 'INTERNAL', message: 'slip' });
    });

    it('survives a message longer than trailers may be', async () => {
      behave = async () => {
        throw new RelearnError('INVALID_INPUT', 'long '.repeat(100_000));
      };
      await expect(echo.say({ text: 'x' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    });

    it('answers UNIMPLEMENTED for a method that nobody handles', async () => {
      await expect(echo.absent({ text: 'x' })).rejects.toMatchObject({ code: 'UNIMPLEMENTED' });
    });

    it('refuses a second handler of the same service', () => {
      expect(() => subject.server.add(echoService, {} as Echo)).toThrow(/already offered/);
    });

    it('ends a call at its deadline and tells the handler', async () => {
      let aborted: Promise<void> | undefined;
      let deadline = 0;
      behave = (request, context) => {
        deadline = context.deadline;
        aborted = new Promise((resolve) => context.signal.addEventListener('abort', () => resolve()));
        return aborted.then(() => request);
      };
      const asked = systemClock.now() + 150;
      await expect(echo.say({ text: 'x' }, { deadline: asked })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      await aborted;
      expect(Math.abs(deadline - asked)).toBeLessThan(60_000);
    });

    it('never starts a call whose deadline has passed', async () => {
      let started = false;
      behave = async (request) => {
        started = true;
        return request;
      };
      const past = systemClock.now() - 1;
      await expect(echo.say({ text: 'x' }, { deadline: past })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      expect(started).toBe(false);
    });

    it('leaves the deadline infinite where none is given', async () => {
      behave = async (_request, context) => ({ text: String(context.deadline) });
      expect((await echo.say({ text: 'x' })).text).toBe('Infinity');
    });

    it('cancels a running call and tells the handler', async () => {
      const controller = new AbortController();
      let aborted: Promise<void> | undefined;
      behave = (request, context) => {
        aborted = new Promise((resolve) => context.signal.addEventListener('abort', () => resolve()));
        controller.abort();
        return aborted.then(() => request);
      };
      const call = echo.say({ text: 'x' }, { signal: controller.signal });
      await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
      await aborted;
    });

    it('refuses a call that was cancelled before it began', async () => {
      const call = echo.say({ text: 'x' }, { signal: AbortSignal.abort() });
      await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    });

    it('streams every answer in order', async () => {
      const texts: string[] = [];
      for await (const { text } of echo.count({ upto: 500 })) texts.push(text);
      expect(texts).toEqual(Array.from({ length: 500 }, (_, index) => String(index)));
    });

    it('gives what came before a stream broke, then its error', async () => {
      const texts: string[] = [];
      const broken = (async () => {
        for await (const { text } of echo.count({ upto: 10, failAfter: 3 })) texts.push(text);
      })();
      await expect(broken).rejects.toMatchObject({ code: 'CORRUPT', message: 'count broke' });
      expect(texts).toEqual(['0', '1', '2']);
    });

    it('ends the handler of a stream that the caller leaves', async () => {
      for await (const { text } of echo.count({ upto: 1_000_000 })) if (text === '5') break;
      await countEnded;
      expect(counted).toBeLessThan(1_000_000);
    });

    it('cancels a stream from outside', async () => {
      const controller = new AbortController();
      const endless = (async () => {
        for await (const { text } of echo.count({ upto: 1_000_000 }, { signal: controller.signal })) {
          if (text === '3') controller.abort();
        }
      })();
      await expect(endless).rejects.toMatchObject({ code: 'CANCELLED' });
      await countEnded;
    });

    chatConformance({
      ask: (requests, options) => echo.chat(requests, options),
      answerBy: (handler) => {
        chat = handler;
      },
    });
  });
}
