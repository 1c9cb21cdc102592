import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Bus, PartitionReader } from '@relearn/bus';
import { seededChance, systemKernel } from '@relearn/kernel';
import { afterEach, describe, expect, test } from 'vitest';
import { broker, busOptions, canKill, openBus, type OwnBroker, ownBroker, randomPrefix } from './kafka-engine.js';

const chance = seededChance(11);
const partitions = [0, 1, 2, 3];
/** The shortest session that a broker allows by default. */
const sessionMs = 6_000;
const timeout = 180_000;
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface OtherProcess {
  readonly child: ChildProcess;
  readonly lines: string[];
  tell(line: string): void;
  /** Resolves when it has said so. */
  said(line: string): Promise<void>;
}

function start(role: 'publisher' | 'member', address: string, prefix: string, name: string): OtherProcess {
  const script = fileURLToPath(new URL('./fixtures/kafka-process.mjs', import.meta.url));
  const options = JSON.stringify(busOptions(address, { prefix, sessionMs }));
  const stdio = ['pipe', 'pipe', 'inherit'] as const;
  const child = spawn(process.execPath, [script, role, options, name], { stdio: [...stdio], env: {} });
  children.push(child);
  const lines: string[] = [];
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  return {
    child,
    lines,
    tell: (line) => void child.stdin?.write(`${line}\n`),
    said: (line) =>
      until(
        () => lines.includes(line),
        () => `${name} has not said '${line}' but ${lines.join(', ')}`,
      ),
  };
}

const patienceMs = 120_000;

async function until(holds: () => boolean, otherwise: () => string): Promise<void> {
  const from = systemKernel.clock.now();
  while (!holds()) {
    if (systemKernel.clock.now() - from > patienceMs) throw new Error(otherwise());
    await systemKernel.clock.sleep(5);
  }
}

/** The partitions that a member has, by what it has said. */
function heldBy({ lines }: OtherProcess): number {
  const held = new Set<string>();
  for (const [verb, partition = ''] of lines.map((line) => line.split(' '))) {
    if (verb === 'assigned') held.add(partition);
    if (verb === 'revoked') held.delete(partition);
  }
  return held.size;
}

async function stored(bus: Bus): Promise<string[]> {
  const found: string[] = [];
  for (const [partition, { first, end }] of (await bus.bounds('flights')).entries()) {
    for (let from = first; from < end; ) {
      const records = await bus.read('flights', partition, from, { maxRecords: 500, maxBytes: 4e6 });
      for (const { position, value } of records)
        found.push(`${partition} ${position} ${Buffer.from(value).toString()}`);
      from = (records.at(-1)?.position ?? end) + 1;
    }
  }
  return found;
}

async function withFlights(address: string, body: (bus: Bus, prefix: string) => Promise<void>): Promise<void> {
  const prefix = randomPrefix();
  const bus = await openBus(address, { prefix, sessionMs });
  try {
    await bus.ensureTopics([{ name: 'flights', partitions: partitions.length, retentionMs: null }]);
    await body(bus, prefix);
  } finally {
    await bus.close();
  }
}

/** A line that the kill has cut is no ack. */
const ack = /^\d+ \d+ \w+\/\d+\/\d+\/\d\/x*;$/;

describe.skipIf(broker === null)('processes on Kafka', { timeout }, () => {
  test('every record that was acknowledged before its publisher was killed is there, at its position, once', () =>
    withFlights(broker ?? '', async (bus, prefix) => {
      const acknowledged: string[] = [];
      for (const round of ['a', 'b', 'c']) {
        const publisher = start('publisher', broker ?? '', prefix, round);
        const wanted = 20 + Math.floor(chance.next() * 300);
        await until(
          () => publisher.lines.length >= wanted,
          () => `${publisher.lines.length} of ${wanted} lines are published`,
        );
        publisher.child.kill('SIGKILL');
        await once(publisher.child, 'close');
        acknowledged.push(...publisher.lines.filter((line) => ack.test(line)));
      }
      const found = await stored(bus);
      const texts = found.map((line) => line.split(' ')[2]);
      expect(new Set(texts).size).toBe(texts.length);
      const all = new Set(found);
      expect(acknowledged.filter((line) => !all.has(line))).toEqual([]);
    }));

  test('a member that was halted for longer than its session wakes up fenced, and what it commits is refused', () =>
    withFlights(broker ?? '', async (bus, prefix) => {
      await bus.publish(partitions.map((partition) => flight(partition)));
      const zombie = start('member', broker ?? '', prefix, 'zombie');
      for (const partition of partitions) await zombie.said(`assigned ${partition}`);
      zombie.tell('commit 1 1');
      await zombie.said('commit 1 done');
      zombie.child.kill('SIGSTOP');
      const readers = new Map<number, PartitionReader>();
      const heir = await bus.subscribe({
        group: 'g',
        topics: ['flights'],
        onAssigned: (partition, [reader]) => void (reader && readers.set(partition, reader)),
        onRevoked: async (partition) => void readers.delete(partition),
      });
      await until(
        () => readers.size === partitions.length,
        () => `the heir has ${[...readers.keys()]}`,
      );
      expect(readers.get(1)?.position).toBe(1);
      await readers.get(0)?.commit(1);
      // Both commands are what it finds when it wakes up, before it has heard from the broker.
      zombie.tell('commit 0 0');
      zombie.tell('read 2');
      zombie.child.kill('SIGCONT');
      await zombie.said('commit 0 FENCED');
      await zombie.said('read 2 FENCED');
      for (const partition of partitions) await zombie.said(`revoked ${partition}`);
      // It is a member again then, and gets its share. A busy machine may let sessions end on the way to it.
      await until(
        () => heldBy(zombie) === 2 && readers.size === 2,
        () => `the heir has ${[...readers.keys()]}, and the zombie has said ${zombie.lines.join(', ')}`,
      );
      await heir.close();
      // With it gone a new member gets every partition, and the first one among them.
      zombie.child.kill('SIGKILL');
      const [again] = await committed(bus);
      expect(again).toBe(1);
    }));

  test('the partitions of a member that was killed go to another after its session', () =>
    withFlights(broker ?? '', async (bus, prefix) => {
      const victim = start('member', broker ?? '', prefix, 'victim');
      for (const partition of partitions) await victim.said(`assigned ${partition}`);
      const held = new Set<number>();
      const heir = await bus.subscribe({
        group: 'g',
        topics: ['flights'],
        onAssigned: (partition) => void held.add(partition),
        onRevoked: async (partition) => void held.delete(partition),
      });
      await until(
        () => held.size === 2,
        () => `the heir has ${[...held]}`,
      );
      victim.child.kill('SIGKILL');
      await until(
        () => held.size === partitions.length,
        () => `the heir has ${[...held]}`,
      );
      await heir.close();
    }));
});

describe.skipIf(!canKill)('a broker that halts', { timeout }, () => {
  let own: OwnBroker | undefined;

  test('a broker that answers nothing is away, and what waited goes on when it does again', async () => {
    own ??= await ownBroker();
    const { pause, resume, address } = own;
    await withFlights(address, async (bus) => {
      const reading = bus.follow('flights', 0, 0).next({ maxRecords: 1, maxBytes: 1 }, new AbortController().signal);
      await pause();
      const refused = expect(bus.publish([flight(0)])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      await until(
        () => bus.health?.()?.code === 'UNAVAILABLE',
        () => 'the broker that halts is still here',
      );
      await refused;
      await resume();
      await until(
        () => bus.health?.() === null,
        () => `${bus.health?.()?.message}`,
      );
      await bus.publish([flight(0)]);
      expect(await reading).toHaveLength(1);
    });
  });
});

function flight(partition: number) {
  return { topic: 'flights', partition, key: null, headers: {}, value: new Uint8Array([1]) };
}

/** Where a new member begins, a partition each. */
async function committed(bus: Bus): Promise<number[]> {
  const positions: number[] = [];
  const member = await bus.subscribe({
    group: 'g',
    topics: ['flights'],
    onAssigned: (partition, [reader]) => {
      positions[partition] = reader?.position ?? -1;
    },
    onRevoked: async () => {},
  });
  await until(
    () => positions[0] !== undefined,
    () => `a new member has ${Object.keys(positions)}`,
  );
  await member.close();
  return positions;
}
