import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Bus, OutgoingRecord, PartitionReader } from '@relearn/bus';
import { natsOptions, openNatsBus } from '@relearn/bus/nats';
import { RelearnError, seededChance, systemChance, systemKernel } from '@relearn/kernel';
import type { Store } from '@relearn/store';
import { createMemoryStore } from '@relearn/store/memory';
import { afterEach, describe, expect, test } from 'vitest';
import { sharedNats } from './nats-server.js';

const kernel = systemKernel;
const chance = seededChance(11);
const topic = 'flights';
const partitions = 4;
const limits = { maxRecords: 500, maxBytes: 4e6 };
const timing = { beatMs: 100, leaseMs: 1_500 };
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const closer of closers.splice(0).reverse()) await closer();
});

const script = (name: string) => fileURLToPath(new URL(`./fixtures/${name}.mjs`, import.meta.url));
const newUrl = () => `${sharedNats}?prefix=${systemChance.id()}`;

async function openBus(url: string, store: Store = createMemoryStore()): Promise<Bus> {
  const bus = await openNatsBus({ ...natsOptions(url), store, ...timing }, kernel);
  closers.push(() => bus.close());
  await bus.ensureTopics([{ name: topic, partitions, retentionMs: null }]);
  return bus;
}

function record(partition: number, text: string): OutgoingRecord {
  return { topic, partition, key: null, headers: {}, value: new TextEncoder().encode(text) };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await kernel.clock.sleep(5);
}

/** Lets a process publish until it has acknowledged so many records, kills it with -9 and answers all that it said. */
async function publishAndKill(url: string, round: number, acks: number): Promise<string[]> {
  const child = spawn(process.execPath, [script('nats-publisher'), url, `${round}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {},
  });
  const lines: string[] = [];
  const reading = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      // A last line that the kill has cut is no ack.
      if (/^\d+ \d+ \d+\/\d+\/\d+\/\d\/x*;$/.test(line)) lines.push(line);
      if (lines.length >= acks) child.kill('SIGKILL');
    }
  })();
  await Promise.all([once(child, 'exit'), reading]);
  expect(child.signalCode).toBe('SIGKILL');
  return lines;
}

/** A member in a process of its own that uses this process's store. */
class MemberProcess {
  readonly said: string[] = [];
  readonly child: ChildProcess;

  constructor(url: string, store: Store) {
    this.child = fork(script('nats-member'), [url], {
      env: {},
      execArgv: [],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.child.on('message', (message: { said?: string; id: number; method: keyof Store; args: never[] }) => {
      if (message.said !== undefined) return void this.said.push(message.said);
      const method = store[message.method] as (...args: unknown[]) => Promise<unknown>;
      method.apply(store, message.args).then(
        (value) => this.send({ id: message.id, value }),
        (thrown: unknown) => {
          const { code, message: text } = RelearnError.from(thrown);
          this.send({ id: message.id, error: { code, message: text } });
        },
      );
    });
    closers.push(() => this.kill());
  }

  goOn(): void {
    this.send({ go: true });
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }

  heard(pattern: RegExp): string[] {
    return this.said.filter((line) => pattern.test(line));
  }

  private send(message: object): void {
    if (this.child.connected) this.child.send(message);
  }
}

interface LocalMember {
  readonly readers: Map<number, PartitionReader>;
  readonly texts: string[];
}

/** A member of this process that reads and commits. */
async function joinHere(bus: Bus): Promise<LocalMember> {
  const member: LocalMember = { readers: new Map(), texts: [] };
  const running = new Map<number, { stop: AbortController; done: Promise<void> }>();
  const consume = async (reader: PartitionReader, signal: AbortSignal) => {
    while (!signal.aborted) {
      for (const { value, position } of await reader.next({ maxRecords: 4, maxBytes: 1e6 }, signal)) {
        await reader.commit(position + 1);
        member.texts.push(new TextDecoder().decode(value));
        if (signal.aborted) break;
      }
    }
  };
  await bus.subscribe({
    group: 'g',
    topics: [topic],
    onAssigned: (partition, [reader]) => {
      if (reader === undefined) return;
      member.readers.set(partition, reader);
      const stop = new AbortController();
      running.set(partition, { stop, done: consume(reader, stop.signal) });
    },
    onRevoked: async (partition) => {
      running.get(partition)?.stop.abort();
      await running.get(partition)?.done;
      member.readers.delete(partition);
    },
  });
  return member;
}

/** The store behind a door that can be shut: then every question is answered as by a store that is away. */
function storeBehindDoor() {
  const store = createMemoryStore();
  const door = { shut: false };
  const guarded = new Proxy(store, {
    get(target, name: keyof Store) {
      const member = target[name];
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) =>
        door.shut
          ? Promise.reject(new RelearnError('UNAVAILABLE', 'the store is away'))
          : (member as (...args: unknown[]) => unknown).apply(target, args);
    },
  });
  return { store: guarded, door };
}

describe.skipIf(sharedNats === null)('NATS JetStream, processes', () => {
  test('while the store is away a group stands still, and then goes on with the same owners', async () => {
    const url = newUrl();
    const { store, door } = storeBehindDoor();
    const [bus, other] = [await openBus(url, store), await openBus(url, store)];
    const members = [await joinHere(bus), await joinHere(other)];
    const texts = () => members.flatMap((member) => member.texts);
    await until(() => members.every(({ readers }) => readers.size === 2));
    await bus.publish(Array.from({ length: 8 }, (_, n) => record(n % partitions, `a${n}`)));
    await until(() => texts().length === 8);
    const owners = members.map(({ readers }) => [...readers.values()]);
    const followed = bus.follow(topic, 0, 0).next(limits, new AbortController().signal);
    door.shut = true;
    await until(() => bus.health?.()?.message === 'the store is away');
    // Both leases have run out, and nobody can tell whose the partitions are.
    await kernel.clock.sleep(timing.leaseMs + timing.beatMs);
    await bus.publish(Array.from({ length: 8 }, (_, n) => record(n % partitions, `b${n}`)));
    expect(await followed).toHaveLength(2);
    await kernel.clock.sleep(5 * timing.beatMs);
    expect(texts()).toHaveLength(8);
    door.shut = false;
    await until(() => texts().length === 16);
    expect(members.map(({ readers }) => [...readers.values()])).toEqual(owners);
    expect(new Set(texts()).size).toBe(16);
    await until(() => bus.health?.() === null);
  });

  test('every record that was acknowledged before a kill -9 is there, at its position, once', async () => {
    const url = newUrl();
    const acknowledged: string[] = [];
    for (let round = 0; round < 4; round++) {
      acknowledged.push(...(await publishAndKill(url, round, 20 + Math.floor(chance.next() * 300))));
    }
    const bus = await openBus(url);
    const stored = new Set<string>();
    const orders = new Map<string, number[]>();
    let count = 0;
    for (const [partition, { first, end }] of (await bus.bounds(topic)).entries()) {
      for (let from = first; from < end; ) {
        const records = await bus.read(topic, partition, from, limits);
        for (const { position, value } of records) {
          const text = Buffer.from(value).toString();
          stored.add(`${partition} ${position} ${text}`);
          const [round, writer, n, index] = text.split('/').map(Number);
          const source = `${partition} ${round}/${writer}`;
          orders.set(source, [...(orders.get(source) ?? []), (n ?? 0) * 3 + (index ?? 0)]);
        }
        count += records.length;
        from = (records.at(-1)?.position ?? end) + 1;
      }
    }
    expect(acknowledged.filter((line) => !stored.has(line))).toEqual([]);
    expect(stored.size).toBe(count);
    // Of a call that was cut off there is a prefix: what a writer has written stands in its order, without a hole.
    for (const numbers of orders.values()) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  });

  test('two processes share a group; when one is killed, the other goes on where it had committed', async () => {
    const [url, store] = [newUrl(), createMemoryStore()];
    const bus = await openBus(url, store);
    const here = await joinHere(bus);
    const there = new MemberProcess(url, store);
    await until(() => here.readers.size === 2 && there.heard(/^assigned/).length === 2);
    await bus.publish(Array.from({ length: 40 }, (_, n) => record(n % partitions, `a${n}`)));
    await until(() => here.texts.length + there.heard(/^done/).length === 40);
    await there.kill();
    await bus.publish(Array.from({ length: 40 }, (_, n) => record(n % partitions, `b${n}`)));
    await until(
      () => here.readers.size === partitions && here.texts.filter((text) => text.startsWith('b')).length === 40,
    );
    const mine = here.texts.filter((text) => text.startsWith('a'));
    expect(new Set([...mine, ...there.heard(/^done/).map((line) => line.split(' ')[2])]).size).toBe(40);
    // It said what it had done a moment after the commit, so what is done again was neither said nor committed.
    expect(mine.length + there.heard(/^done/).length).toBe(40);
  });

  test('a member that was stopped for longer than its lease is FENCED before it commits, and joins again', async () => {
    const [url, store] = [newUrl(), createMemoryStore()];
    const bus = await openBus(url, store);
    const zombie = new MemberProcess(url, store);
    await until(() => zombie.said.includes('joined'));
    await bus.publish([record(2, 'before'), record(2, 'hold'), record(2, 'after')]);
    await until(() => zombie.said.includes('holds 2'));
    zombie.child.kill('SIGSTOP');
    const here = await joinHere(bus);
    await until(() => here.texts.length === 2);
    expect(here.texts).toEqual(['hold', 'after']);
    await until(() => here.readers.size === partitions);
    zombie.goOn();
    zombie.child.kill('SIGCONT');
    await until(() => zombie.heard(/^revoked/).length === partitions);
    expect(zombie.said).toContain('FENCED 2');
    expect(zombie.heard(/^done/)).toEqual(['done 2 before']);
    // It is a member like any other then, and goes on where the other has committed.
    await until(() => zombie.heard(/^assigned/).length === partitions + 2 && here.readers.size === 2);
    await bus.publish(Array.from({ length: 8 }, (_, n) => record(n % partitions, `c${n}`)));
    const late = () => [...here.texts, ...zombie.heard(/^done/).map((line) => line.split(' ')[2] ?? '')];
    await until(() => late().filter((text) => text.startsWith('c')).length === 8);
    expect(late().filter((text) => text === 'hold' || text === 'after')).toHaveLength(2);
  });
});
