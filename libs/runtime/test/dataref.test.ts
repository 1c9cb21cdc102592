import { createMemoryBlobs } from '@relearn/blobs/memory';
import { createMemoryBus } from '@relearn/bus/memory';
import { type Bus, maxRecordBytes, type PartitionReader } from '@relearn/bus';
import { decodeEvent, encodeEvent } from '@relearn/contracts';
import { RelearnError, systemKernel } from '@relearn/kernel';
import { beforeEach, describe, expect, test } from 'vitest';
import { mostReferencedBytes, withDataref } from '../src/index.js';

const limits = { maxRecords: 10, maxBytes: 1 << 20 };
const forever = new AbortController().signal;

let inner: Bus;
let bus: Bus;
let away: RelearnError | null;
const blobs = createMemoryBlobs();

function event(id: string, bytes: number) {
  const attributes = { source: 's', type: 't', sequence: 1, previous: null, time: '2024-01-01T00:00:00.000Z' };
  return { id, ...attributes, pipeline: 'p', pipelineversion: 1, data: 'x'.repeat(bytes) };
}

const recordOf = (id: string, bytes: number) => ({
  topic: 'features',
  partition: 0,
  key: 'p',
  ...encodeEvent(event(id, bytes)),
});

beforeEach(async () => {
  away = null;
  inner = createMemoryBus(systemKernel);
  await inner.ensureTopics([{ name: 'features', partitions: 1, retentionMs: null }]);
  bus = withDataref(inner, {
    ...blobs,
    put: (bytes) => blobs.put(bytes),
    get: async (digest) => {
      if (away !== null) throw away;
      return await blobs.get(digest);
    },
  });
});

describe('an event that is too large for a record', () => {
  test('comes whole to every kind of reader, in its place', async () => {
    const sent = [event('a', 10), event('b', maxRecordBytes * 3), event('c', 20)];
    await bus.publish(sent.map(({ id, data }) => recordOf(id, data.length)));
    const expected = sent.map(({ id, data }) => [id, data]);
    const idAndData = (records: Awaited<ReturnType<Bus['read']>>) =>
      records.map(decodeEvent).map(({ id, data }) => [id, data]);
    expect(idAndData(await bus.read('features', 0, 0, limits))).toEqual(expected);
    expect(idAndData(await bus.follow('features', 0, 0).next(limits, forever))).toEqual(expected);
    const reader = await new Promise<PartitionReader | undefined>((resolve) => {
      void bus.subscribe({
        group: 'g',
        topics: ['features'],
        onAssigned: (_, [first]) => resolve(first),
        onRevoked: async () => undefined,
      });
    });
    expect(idAndData((await reader?.next(limits, forever)) ?? [])).toEqual(expected);
    const [, stored] = await inner.read('features', 0, 0, limits);
    expect(stored?.headers['ce_dataref']).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(stored?.value).toHaveLength(0);
  });

  test('is read again after the blobs were away', async () => {
    await bus.publish([recordOf('a', 10), recordOf('b', maxRecordBytes)]);
    const reader = bus.follow('features', 0, 0);
    away = new RelearnError('UNAVAILABLE', 'away');
    await expect(reader.next(limits, forever)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    away = null;
    expect((await reader.next(limits, forever)).map((record) => decodeEvent(record).id)).toEqual(['a', 'b']);
  });

  test('is no event any more when its bytes are gone, and stands in the way of none', async () => {
    await bus.publish([recordOf('a', maxRecordBytes), recordOf('b', 10)]);
    away = new RelearnError('NOT_FOUND', 'gone');
    const [first, second] = await bus.read('features', 0, 0, limits);
    expect(() => decodeEvent(first ?? { headers: {}, value: new Uint8Array() })).toThrow(/not to be had: sha256/);
    expect(second === undefined ? '' : decodeEvent(second).id).toBe('b');
  });

  test('has a limit, too', async () => {
    const huge = { ...recordOf('a', 10), value: new Uint8Array(mostReferencedBytes + 1) };
    await expect(bus.publish([huge])).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });
});
