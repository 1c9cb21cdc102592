import { expect, test } from 'vitest';
import { type Clock, LargeBuffers, systemClock } from '../src/index.js';

test('given one that is given back, when about as much is asked for, then it is there again, once', () => {
  const buffers = new LargeBuffers(1 << 20, systemClock);
  const large = buffers.take(600_000);
  expect(large.byteLength).toBe(600_000);
  buffers.give(large);
  expect(buffers.take(200_000)).not.toBe(large);
  expect(buffers.take(600_008)).not.toBe(large);
  expect(buffers.take(400_000)).toBe(large);
  expect(buffers.take(600_000)).not.toBe(large);
});

test('given more than are to be kept, when another is given back, then the oldest are gone', () => {
  const buffers = new LargeBuffers(1_300_000, systemClock);
  const [first, second, third] = [400_000, 500_000, 600_000].map((size) => new ArrayBuffer(size));
  for (const one of [first, second, third]) buffers.give(one ?? new ArrayBuffer(0));
  expect(buffers.take(400_000)).toBe(second);
  expect(buffers.take(600_000)).toBe(third);
  expect(buffers.take(400_000)).not.toBe(first);
});

test('given small ones and huge ones, when they are given back, then they are not kept', () => {
  const buffers = new LargeBuffers(1 << 26, systemClock);
  for (const size of [1_000, (1 << 24) + 8]) {
    const one = buffers.take(size);
    buffers.give(one);
    expect(buffers.take(size)).not.toBe(one);
  }
});

test('given one that somebody still reads, when it is given back detached, then they read nothing, and others have it', () => {
  const buffers = new LargeBuffers(1 << 20, systemClock);
  const large = buffers.take(600_000);
  const view = new Uint8Array(large, 100, 50);
  buffers.giveDetached(large);
  const next = buffers.take(600_000);
  new Uint8Array(next).fill(7);
  expect([view.length, view[0], next.byteLength]).toEqual([0, undefined, 600_000]);
  expect(buffers.take(600_000)).not.toBe(next);
});

test('given a rest, when it is over, then as many are kept as were needed in it, and after another without requests none', () => {
  const due: (() => void)[] = [];
  const clock: Clock = { ...systemClock, after: (_ms, callback) => (due.push(callback), { cancel: () => undefined }) };
  const buffers = new LargeBuffers(1 << 24, clock);
  const all = Array.from({ length: 5 }, () => new ArrayBuffer(500_000));
  const kept = () => {
    const taken = Array.from({ length: 5 }, () => buffers.take(500_000));
    return all.filter((one) => taken.includes(one));
  };
  for (const one of all) buffers.give(one);
  due.shift()?.();
  const two = [buffers.take(500_000), buffers.take(500_000)];
  for (const one of two) buffers.give(one);
  due.shift()?.();
  // The others are gone without a garbage collection: they have no bytes any more.
  expect(all.map(({ byteLength }) => byteLength).filter((bytes) => bytes === 0)).toHaveLength(3);
  const left = kept();
  expect(left).toHaveLength(2);
  for (const one of left) buffers.give(one);
  due.shift()?.();
  due.shift()?.();
  expect([kept(), due]).toEqual([[], []]);
});
