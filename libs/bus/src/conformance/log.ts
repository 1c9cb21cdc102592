import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maxRecordBytes, type StoredRecord } from '../port.js';
import {
  type BusFactory,
  contents,
  expectCode,
  partitions,
  record,
  take,
  textOf,
  topic,
  wide,
  withBus,
} from './fixture.js';

export function logTests(factory: BusFactory): void {
  describe('topics', () => topicTests(factory));
  describe('the log', () => orderTests(factory));
  describe('records', () => recordTests(factory));
  describe('reading', () => readingTests(factory));
}

function topicTests(factory: BusFactory): void {
  test('declaring a topic again changes nothing', () =>
    withBus(factory, async ({ bus }) => {
      await bus.publish([record(0, 'a')]);
      await Promise.all([1, 2].map(() => bus.ensureTopics([{ name: topic, partitions, retentionMs: null }])));
      expect((await bus.read(topic, 0, 0, wide)).map(textOf)).toEqual(['a']);
    }));

  test('another number of partitions is refused', () =>
    withBus(factory, async ({ bus }) => {
      await expectCode(bus.ensureTopics([{ name: topic, partitions: partitions + 1, retentionMs: null }]), 'REFUSED');
      expect(await bus.bounds(topic)).toHaveLength(partitions);
    }));

  test('unknown topics and partitions are not found', () =>
    withBus(factory, async ({ bus }) => {
      await expectCode(bus.publish([record(0, 'a', { topic: 'nowhere' })]), 'NOT_FOUND');
      await expectCode(bus.publish([record(partitions, 'a')]), 'NOT_FOUND');
      await expectCode(bus.read('nowhere', 0, 0, wide), 'NOT_FOUND');
      await expectCode(bus.read(topic, partitions, 0, wide), 'NOT_FOUND');
      await expectCode(bus.bounds('nowhere'), 'NOT_FOUND');
      expect(() => bus.follow(topic, -1, 0)).toThrow('partition');
    }));
}

function orderTests(factory: BusFactory): void {
  test('each partition keeps the order of one call, with growing positions', () =>
    withBus(factory, async ({ bus }) => {
      const sent = Array.from({ length: 100 }, (_, n) => record((n * 7) % partitions, `${n}`));
      const positions = await bus.publish(sent);
      for (let partition = 0; partition < partitions; partition++) {
        const mine = sent.flatMap((one, n) => (one.partition === partition ? [{ n: `${n}`, at: positions[n] }] : []));
        const stored = await bus.read(topic, partition, 0, wide);
        expect(stored.map((one) => ({ n: textOf(one), at: one.position }))).toEqual(mine);
        expect(mine.every(({ at }, index) => index === 0 || (at ?? 0) > (mine[index - 1]?.at ?? 0))).toBe(true);
      }
    }));

  test('calls one after another keep their order, also when nobody waits between them', () =>
    withBus(factory, async ({ bus }) => {
      const writers = ['a', 'b', 'c'];
      const calls = Array.from({ length: 60 }, (_, n) =>
        bus.publish([record(0, `${writers[n % 3]}${n}`), record(0, `${writers[n % 3]}${n}+`)]),
      );
      await Promise.all(calls);
      const stored = (await bus.read(topic, 0, 0, wide)).map(textOf);
      expect(stored).toEqual(
        Array.from({ length: 60 }, (_, n) => [`${writers[n % 3]}${n}`, `${writers[n % 3]}${n}+`]).flat(),
      );
    }));

  test('writers that wait for their acks keep their own order among each other', () =>
    withBus(factory, async ({ bus }) => {
      const write = async (writer: string) => {
        for (let n = 0; n < 30; n++) await bus.publish([record(1, `${writer}:${n}`)]);
      };
      await Promise.all(['a', 'b', 'c', 'd'].map(write));
      const stored = (await bus.read(topic, 1, 0, wide)).map(textOf);
      for (const writer of ['a', 'b', 'c', 'd']) {
        const mine = stored.filter((text) => text.startsWith(writer));
        expect(mine).toEqual(Array.from({ length: 30 }, (_, n) => `${writer}:${n}`));
      }
    }));

  test('publishing nothing answers nothing', () =>
    withBus(factory, async ({ bus }) => {
      expect(await bus.publish([])).toEqual([]);
      const bounds = await bus.bounds(topic);
      expect(bounds).toHaveLength(partitions);
      for (const { first, end } of bounds) expect(first).toBe(end);
    }));
}

function recordTests(factory: BusFactory): void {
  const anyText = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\0', 'a\0b', '"', '\\', '__proto__'),
  );

  test('any key, headers and bytes come back as they were', () =>
    withBus(factory, async ({ bus }) => {
      const property = fc.asyncProperty(
        fc.option(anyText),
        fc.array(fc.tuple(fc.stringMatching(/^[a-z_-]{1,12}$/), anyText)),
        fc.uint8Array({ maxLength: 300 }),
        async (key, pairs, value) => {
          const headers = Object.fromEntries(pairs);
          const [position] = await bus.publish([record(2, '', { key, headers, value })]);
          const [stored] = await bus.read(topic, 2, position ?? 0, { maxRecords: 1, maxBytes: 1 });
          expect(stored).toMatchObject({ topic, partition: 2, position, key });
          expect(stored?.headers).toEqual(headers);
          expect(Array.from(stored?.value ?? [])).toEqual(Array.from(value));
        },
      );
      await fc.assert(property, { numRuns: 100 });
    }));

  test('headers may be empty, long, many, and in any script', () =>
    withBus(factory, async ({ bus }) => {
      const all: readonly Readonly<Record<string, string>>[] = [
        {},
        { ce_subject: '' },
        { ce_subject: 'Zürich – 東京 ✈︎ 🛫', ce_source: 'a\r\nb: c', ce_note: ' spaces around ' },
        { ce_long: 'ü'.repeat(20_000) },
        Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`ce_h${n}`, `${n}`])),
        { 'Content-Type': 'application/json', 'content-type': 'text/plain' },
      ];
      await bus.publish(all.map((headers) => record(0, 'x', { headers })));
      expect((await contents(bus, 0)).map(({ headers }) => headers)).toEqual(all);
    }));

  test('large records travel many at a time', () =>
    withBus(factory, async ({ bus }) => {
      const large = Array.from({ length: 9 }, (_, n) =>
        record(0, '', { key: `${n}`, value: new Uint8Array(maxRecordBytes - 300).fill(n) }),
      );
      await Promise.all([bus.publish(large.slice(0, 6)), bus.publish(large.slice(6))]);
      const reader = bus.follow(topic, 0, 0);
      const stored = await take(reader, large.length);
      expect(stored.map(({ key }) => key)).toEqual(large.map(({ key }) => key));
      for (const [n, { value }] of stored.entries()) expect(value.every((byte) => byte === n)).toBe(true);
    }));

  test('what the caller does with its bytes after the call changes nothing', () =>
    withBus(factory, async ({ bus }) => {
      const value = new TextEncoder().encode('before');
      const published = bus.publish([record(0, '', { value })]);
      value.fill(0);
      await published;
      expect((await bus.read(topic, 0, 0, wide)).map(textOf)).toEqual(['before']);
    }));

  test('a record just below the limit passes, one above it is TOO_LARGE and leaves nothing', () =>
    withBus(factory, async ({ bus }) => {
      const large = new Uint8Array(maxRecordBytes - 200).map((_, index) => index % 251);
      await bus.publish([record(0, '', { key: 'k', headers: { type: 'large' }, value: large })]);
      await expectCode(
        bus.publish([record(0, 'x'), record(0, '', { value: new Uint8Array(maxRecordBytes + 1) })]),
        'TOO_LARGE',
      );
      await expectCode(bus.publish([record(0, '', { headers: { long: 'x'.repeat(maxRecordBytes) } })]), 'TOO_LARGE');
      const stored = await bus.read(topic, 0, 0, wide);
      expect(stored).toHaveLength(1);
      expect(Buffer.compare(stored[0]?.value ?? new Uint8Array(), large)).toBe(0);
    }));
}

function readingTests(factory: BusFactory): void {
  test('a batch ends at maxRecords', () =>
    withBus(factory, async ({ bus }) => {
      await bus.publish(Array.from({ length: 10 }, (_, n) => record(0, `${n}`)));
      expect((await bus.read(topic, 0, 0, { ...wide, maxRecords: 3 })).map(textOf)).toEqual(['0', '1', '2']);
      await expectCode(bus.read(topic, 0, 0, { ...wide, maxRecords: 0 }), 'INVALID_INPUT');
    }));

  test('a batch ends before maxBytes, but holds one record at least', () =>
    withBus(factory, async ({ bus }) => {
      const kilobytes = (size: number) => record(0, '', { value: new Uint8Array(size * 1_000) });
      const positions = await bus.publish([kilobytes(5), kilobytes(2), kilobytes(2), kilobytes(9), kilobytes(1)]);
      const sizes = async (index: number, maxBytes: number) => {
        const batch = await bus.read(topic, 0, positions[index] ?? 0, { maxRecords: 10, maxBytes });
        return batch.map((one) => one.value.byteLength / 1_000);
      };
      expect(await sizes(0, 1)).toEqual([5]);
      expect(await sizes(0, 7_500)).toEqual([5, 2]);
      expect(await sizes(1, 5_000)).toEqual([2, 2]);
      expect(await sizes(3, 100)).toEqual([9]);
      expect(await sizes(0, 100_000)).toEqual([5, 2, 2, 9, 1]);
    }));

  test('however a partition is cut into batches, it is the same records', () =>
    withBus(factory, async ({ bus, kernel }) => {
      const sent = Array.from({ length: 300 }, (_, n) =>
        record(1, `${n}:${'x'.repeat(Math.floor(kernel.chance.next() * 2_000))}`),
      );
      await Promise.all([bus.publish(sent.slice(0, 170)), bus.publish(sent.slice(170))]);
      const whole = await contents(bus, 1);
      expect(whole.map(textOf)).toEqual(sent.map((one) => new TextDecoder().decode(one.value)));
      const placed = (stored: readonly StoredRecord[]) => stored.map((one) => `${one.position} ${textOf(one)}`);
      for (const limits of [
        { maxRecords: 7, maxBytes: 1e6 },
        { maxRecords: 1_000, maxBytes: 5_000 },
        { maxRecords: 90, maxBytes: 40_000 },
      ])
        expect(placed(await contents(bus, 1, limits))).toEqual(placed(whole));
    }));

  test('reads begin at the position, and at the end there is nothing', () =>
    withBus(factory, async ({ bus }) => {
      const positions = await bus.publish([record(3, 'a'), record(3, 'b'), record(3, 'c')]);
      expect((await bus.read(topic, 3, positions[1] ?? 0, wide)).map(textOf)).toEqual(['b', 'c']);
      const end = (await bus.bounds(topic))[3]?.end ?? 0;
      expect(end).toBeGreaterThan(positions[2] ?? 0);
      expect(await bus.read(topic, 3, end, wide)).toEqual([]);
      expect(await bus.read(topic, 3, end + 1_000, wide)).toEqual([]);
    }));

  test('a time leads to the first record that was appended then or later', () =>
    withBus(factory, async ({ bus, kernel }) => {
      expect(await bus.positionAt(topic, 0, 0)).toBe((await bus.bounds(topic))[0]?.end);
      const early = await bus.publish([record(0, 'a'), record(0, 'b')]);
      await kernel.clock.sleep(5);
      const between = kernel.clock.wall();
      const late = await bus.publish([record(0, 'c'), record(0, 'd')]);
      expect(await bus.positionAt(topic, 0, 0)).toBe(early[0]);
      expect(await bus.positionAt(topic, 0, between)).toBe(late[0]);
      expect(await bus.positionAt(topic, 0, between + 1e9)).toBe((await bus.bounds(topic))[0]?.end);
      const times = (await bus.read(topic, 0, 0, wide)).map((one) => one.appendedAt);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(times[2]).toBeGreaterThanOrEqual(between);
    }));
}
