import { describe, expect, test } from 'vitest';
import type { PartitionReader } from '../port.js';
import { type BusFactory, expectCode, never, record, take, textOf, topic, wide, withBus } from './fixture.js';

export function readerTests(factory: BusFactory): void {
  describe('following', () => followTests(factory));
  describe('waiting', () => waitTests(factory));
}

function followTests(factory: BusFactory): void {
  test('a follower reads what is there and then what comes', () =>
    withBus(factory, async ({ bus }) => {
      await bus.publish([record(0, 'a'), record(1, 'other'), record(0, 'b')]);
      const reader = bus.follow(topic, 0, 0);
      expect((await take(reader, 2)).map(textOf)).toEqual(['a', 'b']);
      const waiting = reader.next(wide, never);
      await bus.publish([record(1, 'other'), record(0, 'c')]);
      expect((await waiting).map(textOf)).toEqual(['c']);
    }));

  test('a follower begins at its position, also at one that does not exist yet', () =>
    withBus(factory, async ({ bus }) => {
      const positions = await bus.publish([record(0, 'a'), record(0, 'b')]);
      expect((await take(bus.follow(topic, 0, positions[1] ?? 0), 1)).map(textOf)).toEqual(['b']);
      const end = (await bus.bounds(topic))[0]?.end ?? 0;
      const waiting = bus.follow(topic, 0, end).next(wide, never);
      await bus.publish([record(0, 'c')]);
      expect((await waiting).map(textOf)).toEqual(['c']);
    }));

  test('a reader says where it stands; a member of a group begins where the group has committed', () =>
    withBus(factory, async ({ bus }) => {
      const [first = 0] = await bus.publish([record(0, 'a'), record(0, 'b')]);
      const follower = bus.follow(topic, 0, first);
      expect(follower.position).toBe(first);
      await take(follower, 2);
      expect(follower.position).toBe((await bus.bounds(topic))[0]?.end);
      const positionOf = async (use: (reader: PartitionReader) => Promise<void>) => {
        let resolve: (reader: PartitionReader) => void = () => undefined;
        const assigned = new Promise<PartitionReader>((found) => {
          resolve = found;
        });
        const onAssigned = (partition: number, readers: readonly PartitionReader[]) => {
          if (partition === 0 && readers[0] !== undefined) resolve(readers[0]);
        };
        const subscription = await bus.subscribe({
          group: 'g',
          topics: [topic],
          onAssigned,
          onRevoked: async () => {},
        });
        const reader = await assigned;
        const { position } = reader;
        await use(reader);
        await subscription.close();
        return position;
      };
      expect(await positionOf((reader) => reader.commit(first + 1))).toBe(first);
      expect(await positionOf(async () => {})).toBe(first + 1);
    }));

  test('seek goes back and forward', () =>
    withBus(factory, async ({ bus }) => {
      const positions = await bus.publish(['a', 'b', 'c'].map((text) => record(0, text)));
      const reader = bus.follow(topic, 0, 0);
      await take(reader, 3);
      reader.seek(positions[1] ?? 0);
      expect((await take(reader, 2)).map(textOf)).toEqual(['b', 'c']);
      reader.seek(0);
      reader.seek(positions[2] ?? 0);
      expect((await take(reader, 1)).map(textOf)).toEqual(['c']);
    }));

  test('two followers of one partition see the same, each at its own pace', () =>
    withBus(factory, async ({ bus }) => {
      const fast = bus.follow(topic, 0, 0);
      const slow = bus.follow(topic, 0, 0);
      const both = Promise.all([take(fast, 20), take(slow, 20, { maxRecords: 3, maxBytes: 1e6 })]);
      for (let n = 0; n < 20; n++) await bus.publish([record(0, `${n}`)]);
      const [ofFast, ofSlow] = await both;
      expect(ofFast.slice(0, 20)).toEqual(ofSlow.slice(0, 20));
    }));

  test('a commit outside of a group does nothing', () =>
    withBus(factory, async ({ bus }) => {
      await bus.publish([record(0, 'a')]);
      const reader = bus.follow(topic, 0, 0);
      await reader.commit(1);
      expect((await take(reader, 1)).map(textOf)).toEqual(['a']);
    }));
}

function waitTests(factory: BusFactory): void {
  test('an abort ends the wait with nothing, and the reader goes on afterwards', () =>
    withBus(factory, async ({ bus }) => {
      const reader = bus.follow(topic, 0, 0);
      const abort = new AbortController();
      const waiting = reader.next(wide, abort.signal);
      abort.abort();
      expect(await waiting).toEqual([]);
      await bus.publish([record(0, 'a')]);
      expect((await take(reader, 1)).map(textOf)).toEqual(['a']);
    }));

  test('one signal ends all who wait with it, and only them', () =>
    withBus(factory, async ({ bus }) => {
      const abort = new AbortController();
      const waiting = Array.from({ length: 30 }, (_, n) => bus.follow(topic, n % 4, 0).next(wide, abort.signal));
      const other = bus.follow(topic, 0, 0).next(wide, never);
      abort.abort();
      expect(await Promise.all(waiting)).toEqual(waiting.map(() => []));
      await bus.publish([record(0, 'a')]);
      expect((await other).map(textOf)).toEqual(['a']);
    }));

  test('an aborted signal answers nothing at once and skips no record', () =>
    withBus(factory, async ({ bus }) => {
      await bus.publish([record(0, 'a')]);
      const reader = bus.follow(topic, 0, 0);
      expect(await reader.next(wide, AbortSignal.abort())).toEqual([]);
      expect((await take(reader, 1)).map(textOf)).toEqual(['a']);
    }));

  test('closing the bus ends the wait with UNAVAILABLE', () =>
    withBus(factory, async ({ bus }) => {
      const refused = expectCode(bus.follow(topic, 0, 0).next(wide, never), 'UNAVAILABLE');
      await bus.close();
      await refused;
      await expectCode(bus.publish([record(0, 'a')]), 'UNAVAILABLE');
    }));

  // A wake-up that is lost shows as a test that never ends: after each pair the writer waits until both have been read.
  test('no wake-up is lost however reads and publishes interleave', () =>
    withBus(factory, async ({ bus, kernel }) => {
      const rounds = 300;
      const reader = bus.follow(topic, 0, 0);
      const got: string[] = [];
      let onRecords = () => undefined;
      const reading = (async () => {
        while (got.length < 2 * rounds) {
          got.push(...(await reader.next({ maxRecords: 2, maxBytes: 1e6 }, never)).map(textOf));
          onRecords();
        }
      })();
      for (let n = 0; n < rounds; n++) {
        const both = new Promise<void>((resolve) => {
          onRecords = () => void (got.length === 2 * n + 2 && resolve());
        });
        const first = bus.publish([record(0, `${2 * n}`)]);
        // The second one comes at any moment of the reader's turn: so many steps of promises, or of the loop, later.
        const pause = kernel.chance.next() < 0.8 ? () => Promise.resolve() : () => kernel.clock.breathe();
        for (let steps = kernel.chance.next() * 20; steps >= 1; steps--) await pause();
        await Promise.all([first, bus.publish([record(0, `${2 * n + 1}`)]), both]);
      }
      await reading;
      expect(got).toEqual(Array.from({ length: 2 * rounds }, (_, n) => `${n}`));
    }));
}
