import { EventEmitter } from 'node:events';
import { type Clock, systemClock } from '@relearn/kernel';
import { expect, test, vi } from 'vitest';
import { type Channel, Line, type LineOptions } from '../src/processes/line.js';

/** The two ends of a channel. */
function channels(): readonly [Channel, Channel] {
  const [one, other] = [new EventEmitter(), new EventEmitter()];
  const end = (own: EventEmitter, far: EventEmitter): Channel => ({
    send: (message) => setImmediate(() => far.emit('message', message)),
    onMessage: (take) => void own.on('message', take),
  });
  return [end(one, other), end(other, one)];
}

/** Where time is over at once, and where it never is. */
const over: Clock = { ...systemClock, after: (_ms, callback) => systemClock.after(0, callback) };
const never: Clock = { ...systemClock, after: () => ({ cancel: () => undefined }) };

function lines(answer: LineOptions['answer'], clock = never) {
  const [one, other] = channels();
  const onServes = vi.fn<(at: object) => void>();
  const asker = new Line({ channel: one, clock, answer: async () => 'the asker' });
  const asked = new Line({ channel: other, clock, answer, onServes });
  return { asker, asked, onServes };
}

test('both sides ask at once, and each gets the answer to its question', async () => {
  const { asker, asked } = lines(async (question) => (question.about === 'metrics' ? question.accept : 'stands'));
  const answers = await Promise.all([
    asker.ask({ about: 'metrics', accept: 'text' }, 1),
    asker.ask({ about: 'standing' }, 1),
    asked.ask({ about: 'standing' }, 1),
  ]);
  expect(answers).toEqual(['text', 'stands', 'the asker']);
});

test('an answer that cannot be given is told, and one that does not come is not waited for', async () => {
  const failing = lines(() => Promise.reject(new Error('it is starting')));
  await expect(failing.asker.ask({ about: 'standing' }, 1)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('it is starting'),
  });
  const silent = lines(() => new Promise(() => undefined), over);
  await expect(silent.asker.ask({ about: 'standing' }, 700)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('700 ms'),
  });
});

test('a process tells where it answers', async () => {
  const { asker, onServes } = lines(async () => undefined);
  asker.serves({ url: 'http://a', grpcAddress: 'a:1' });
  // What is sent later comes later.
  await asker.ask({ about: 'standing' }, 1);
  expect(onServes).toHaveBeenCalledExactlyOnceWith({ url: 'http://a', grpcAddress: 'a:1' });
});
