import type { Bus, OutgoingRecord, StoredRecord } from '@relearn/bus';
import { natsOptions, openNatsBus } from '@relearn/bus/nats';
import { RelearnError, retry, seededChance, systemChance, systemKernel } from '@relearn/kernel';
import { createMemoryStore } from '@relearn/store/memory';
import { connect } from 'nats';
import { afterEach, describe, expect, test } from 'vitest';
import { ownNats, sharedNats, withoutOwnServer } from './nats-server.js';

const kernel = systemKernel;
const chance = seededChance(5);
const topic = 'flights';
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const closer of closers.splice(0).reverse()) await closer();
});

async function openBus(url: string, retentionMs: number | null = null): Promise<Bus> {
  const bus = await openNatsBus({ ...natsOptions(url), store: createMemoryStore() }, kernel);
  closers.push(() => bus.close());
  await bus.ensureTopics([{ name: topic, partitions: 2, retentionMs }]);
  return bus;
}

const newUrl = (address = sharedNats, query = '') => `${address}?prefix=${systemChance.id()}${query}`;

function record(text: string, more: Partial<OutgoingRecord> = {}): OutgoingRecord {
  return { topic, partition: 0, key: null, headers: {}, value: new TextEncoder().encode(text), ...more };
}

const textOf = ({ value }: StoredRecord) => new TextDecoder().decode(value);

async function contents(bus: Bus): Promise<string[]> {
  const [{ first, end } = { first: 0, end: 0 }] = await bus.bounds(topic);
  const texts: string[] = [];
  for (let from = first; from < end; ) {
    const records = await bus.read(topic, 0, from, { maxRecords: 1_000, maxBytes: 8e6 });
    texts.push(...records.map(textOf));
    from = (records.at(-1)?.position ?? end) + 1;
  }
  return texts;
}

/** Texts of one call: all from 0 on, as far as they came. */
function expectPrefix(numbers: readonly number[]): void {
  expect(numbers).toEqual(numbers.map((_, index) => index));
}

describe.skipIf(sharedNats === null)('NATS JetStream, the log', () => {
  test('rivals that write one partition at once all get through, each in its order', async () => {
    const url = newUrl();
    const buses = await Promise.all([1, 2, 3].map(() => openBus(url)));
    const total = 600;
    await Promise.all(
      buses.map(async (bus, writer) => {
        for (let n = 0; n < total; ) {
          const count = Math.min(total - n, 1 + Math.floor(chance.next() * 120));
          await bus.publish(Array.from({ length: count }, (_, index) => record(`${writer} ${n + index}`)));
          n += count;
        }
      }),
    );
    const [bus] = buses;
    if (bus === undefined) throw new Error('no bus');
    const stored = await contents(bus);
    expect(stored).toHaveLength(3 * total);
    for (const writer of [0, 1, 2]) {
      const mine = stored.filter((text) => text.startsWith(`${writer} `)).map((text) => Number(text.split(' ')[1]));
      expectPrefix(mine);
    }
  });

  test('a full stream refuses what is new, keeps what it has, and holds of a call a prefix', async () => {
    const bus = await openBus(newUrl(sharedNats, '&max_bytes=65536'));
    const small = (name: string) => record(`${name}${'x'.repeat(500)}`);
    const kept = Array.from({ length: 90 }, (_, n) => small(`${n} `));
    await bus.publish(kept);
    // What stands behind the large one would fit.
    const call = [small('a '), record('x'.repeat(20_000)), small('b '), small('c ')];
    await expect(bus.publish(call)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    const texts = [...kept, ...call.slice(0, 1)].map(({ value }) => new TextDecoder().decode(value));
    expect(await contents(bus)).toEqual(texts);
    await bus.publish([small('d ')]);
    expect(await contents(bus)).toHaveLength(kept.length + 2);
  });

  test('what is older than the retention goes, and readers begin at the first that is kept', async () => {
    const bus = await openBus(newUrl(), 300);
    await bus.publish(['a', 'b', 'c'].map((text) => record(text)));
    const follower = bus.follow(topic, 0, 0);
    while ((await bus.bounds(topic))[0]?.first !== 3) await kernel.clock.sleep(20);
    expect(await bus.bounds(topic)).toEqual([
      { first: 3, end: 3 },
      { first: 0, end: 0 },
    ]);
    expect(await bus.read(topic, 0, 0, { maxRecords: 5, maxBytes: 1e6 })).toEqual([]);
    expect(await bus.positionAt(topic, 0, 0)).toBe(3);
    const reading = follower.next({ maxRecords: 5, maxBytes: 1e6 }, new AbortController().signal);
    expect(await bus.publish([record('d')])).toEqual([3]);
    expect((await reading).map(textOf)).toEqual(['d']);
    expect(follower.position).toBe(4);
  });

  test('a topic may get another retention; one that is for ever loses nothing', async () => {
    const url = newUrl();
    const bus = await openBus(url, 3_600_000);
    await bus.publish([record('a')]);
    const other = await openBus(url);
    const nc = await connect({ servers: String(sharedNats) });
    closers.push(() => nc.close());
    const jsm = await nc.jetstreamManager();
    const [prefix] = url.split('prefix=').slice(1);
    const { config } = await jsm.streams.info(`${prefix}~${topic}~0`);
    expect(config).toMatchObject({ max_age: 0, discard: 'new', storage: 'file', max_msgs: -1, max_bytes: -1 });
    expect(config).toMatchObject({ deny_purge: true, deny_delete: true, allow_rollup_hdrs: false });
    expect(await contents(other)).toEqual(['a']);
  });

  test('on the wire a record is a CloudEvent in binary mode', async () => {
    const url = newUrl();
    const bus = await openBus(url);
    const nc = await connect({ servers: String(sharedNats) });
    closers.push(() => nc.close());
    const [prefix] = url.split('prefix=').slice(1);
    const seen = nc.subscribe(`${prefix}.${topic}.*`, { max: 1 });
    await nc.flush();
    const headers = {
      ce_id: 'Zürich "1"',
      ce_source: 'a\r\nb',
      'content-type': 'application/json',
      'Nats-Rollup': 'all',
    };
    await bus.publish([record('{}', { key: '100 %', headers })]);
    for await (const message of seen) {
      expect(Object.fromEntries(message.headers ?? [])).toEqual({
        'ce-id': ['Z%C3%BCrich%20%221%22'],
        'ce-source': ['a%0D%0Ab'],
        'content-type': ['application/json'],
        '%4eats-Rollup': ['all'],
        'Relearn-Key': ['100%20%25'],
      });
      expect(message.string()).toBe('{}');
    }
    const [stored] = await bus.read(topic, 0, 0, { maxRecords: 1, maxBytes: 1e6 });
    expect(stored).toMatchObject({ key: '100 %', headers });
  });

  test('a record is the same whether it is read or followed', async () => {
    const bus = await openBus(newUrl());
    const headers = {
      lone: '\ud800',
      '': 'no name',
      long: 'ü'.repeat(40_000),
      'relearn-key': 'x',
      'CE-a': 'b',
      'a b:c': '\t',
    };
    await bus.publish([record('1', { headers }), record('2', { headers: { ce_a: '' }, key: '' }), record('')]);
    const read = await bus.read(topic, 0, 0, { maxRecords: 5, maxBytes: 1e6 });
    expect(read.map((one) => one.headers)).toEqual([headers, { ce_a: '' }, {}]);
    expect(read.map((one) => one.key)).toEqual([null, '', null]);
    const follower = bus.follow(topic, 0, 0);
    const followed: StoredRecord[] = [];
    while (followed.length < 3) {
      followed.push(...(await follower.next({ maxRecords: 5, maxBytes: 1e6 }, new AbortController().signal)));
    }
    const plain = (records: readonly StoredRecord[]) => records.map((one) => ({ ...one, value: textOf(one) }));
    expect(plain(followed)).toEqual(plain(read));
  });
});

describe.skipIf(sharedNats === null || withoutOwnServer !== undefined)('NATS JetStream, its server goes away', () => {
  test('of a call that the death of the server breaks there is a prefix', async () => {
    const server = await ownNats();
    closers.push(() => server.kill());
    const bus = await openBus(newUrl(server.address));
    let broken = 0;
    for (let round = 0; round < 6; round++) {
      const texts = Array.from({ length: 3_000 }, (_, n) => `${round} ${n} ${'x'.repeat(300)}`);
      const outcome = bus.publish(texts.map((text) => record(text))).then(
        () => 'written',
        (thrown: unknown) => RelearnError.from(thrown).code,
      );
      const before = (await bus.bounds(topic))[0]?.end ?? 0;
      while (((await bus.bounds(topic))[0]?.end ?? 0) < before + Math.floor(chance.next() * 1_500))
        await kernel.clock.breathe();
      await server.kill();
      await server.restart();
      if ((await outcome) === 'UNAVAILABLE') broken += 1;
      else expect(await outcome).toBe('written');
      const stored = await retry({ clock: kernel.clock, chance: kernel.chance }, () => contents(bus));
      const mine = stored.filter((text) => text.startsWith(`${round} `)).map((text) => Number(text.split(' ')[1]));
      expectPrefix(mine);
      if ((await outcome) === 'written') expect(mine).toHaveLength(texts.length);
    }
    expect(broken).toBeGreaterThan(0);
  });

  test('a bus cannot be opened while no server answers', async () => {
    const server = await ownNats();
    await server.kill();
    await expect(openBus(newUrl(server.address))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('a server that is stopped is away, and back when it goes on', async () => {
    const server = await ownNats();
    closers.push(() => server.kill());
    const bus = await openBus(newUrl(server.address));
    const follower = bus.follow(topic, 0, 0);
    const reading = follower.next({ maxRecords: 5, maxBytes: 1e6 }, new AbortController().signal);
    await server.pause();
    await expect(bus.publish([record('a')])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(bus.health?.()).toMatchObject({ code: 'UNAVAILABLE' });
    await server.resume();
    // Nobody has to ask for it to be well again.
    while (bus.health?.() !== null) await kernel.clock.sleep(20);
    // What was on its way when it was stopped may be there or not.
    await bus.publish([record('b')]);
    const texts = (await reading).map(textOf);
    while (!texts.includes('b')) {
      texts.push(...(await follower.next({ maxRecords: 5, maxBytes: 1e6 }, new AbortController().signal)).map(textOf));
    }
    expect(texts.filter((text) => text === 'b')).toHaveLength(1);
  });
});
