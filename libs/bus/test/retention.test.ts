import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bus } from '@relearn/bus';
import { openEmbeddedBus } from '@relearn/bus/embedded';
import { createMemoryBus } from '@relearn/bus/memory';
import { type Clock, type Kernel, systemKernel } from '@relearn/kernel';
import { openSqlite, type SqliteEngine } from '@relearn/sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/** A clock whose time is set by hand; timers run when it passes them, sleeps end at once. */
class HandClock implements Clock {
  private time = 1_000_000;
  private timers: { readonly at: number; readonly callback: () => void }[] = [];
  now = () => this.time;
  wall = () => this.time;
  sleep = () => this.breathe();
  breathe = () => systemKernel.clock.breathe();

  after(ms: number, callback: () => void) {
    const timer = { at: this.time + ms, callback };
    this.timers.push(timer);
    return {
      cancel: () => {
        this.timers = this.timers.filter((other) => other !== timer);
      },
    };
  }

  pass(ms: number): void {
    this.time += ms;
    const due = this.timers.filter(({ at }) => at <= this.time);
    this.timers = this.timers.filter(({ at }) => at > this.time);
    for (const { callback } of due) callback();
  }

  get armed(): number {
    return this.timers.length;
  }
}

const minute = 60_000;
const limits = { maxRecords: 1_000, maxBytes: 1e6 };
let clock = new HandClock();
let kernel: Kernel = systemKernel;
let folder = '';
let engine: SqliteEngine;

beforeEach(async () => {
  clock = new HandClock();
  kernel = { ...systemKernel, clock };
  folder = await mkdtemp(join(tmpdir(), 'relearn-retention-'));
  engine = await openSqlite({ folder, durable: false });
});
afterEach(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

async function publish(bus: Bus, topic: string, count: number): Promise<void> {
  const value = new Uint8Array(10);
  await bus.publish(Array.from({ length: count }, () => ({ topic, partition: 0, key: null, headers: {}, value })));
}

/** Lets the round that the clock has started come to its end: it arms the next one. */
async function roundOver(): Promise<void> {
  while (clock.armed === 0) await systemKernel.clock.breathe();
}

const adapters: readonly (readonly [string, () => Promise<Bus>])[] = [
  ['memory', async () => createMemoryBus(kernel)],
  ['embedded', () => openEmbeddedBus(engine, kernel)],
];

for (const [name, open] of adapters) {
  describe(`retention: ${name}`, () => {
    test('records older than their topic keeps them go, younger ones and topics without an end stay', async () => {
      const bus = await open();
      await bus.ensureTopics([
        { name: 'short', partitions: 1, retentionMs: 10 * minute },
        { name: 'control', partitions: 1, retentionMs: null },
      ]);
      await publish(bus, 'short', 230);
      await publish(bus, 'control', 3);
      clock.pass(6 * minute);
      await roundOver();
      await publish(bus, 'short', 5);
      clock.pass(6 * minute);
      await roundOver();
      expect(await bus.bounds('short')).toEqual([{ first: 230, end: 235 }]);
      expect((await bus.read('short', 0, 0, limits)).map(({ position }) => position)).toEqual([
        230, 231, 232, 233, 234,
      ]);
      expect(await bus.bounds('control')).toEqual([{ first: 0, end: 3 }]);
      await bus.close();
    });

    test('when all are gone, positions and readers go on above them', async () => {
      const bus = await open();
      await bus.ensureTopics([{ name: 'short', partitions: 1, retentionMs: minute }]);
      await publish(bus, 'short', 3);
      clock.pass(5 * minute);
      await roundOver();
      expect(await bus.bounds('short')).toEqual([{ first: 3, end: 3 }]);
      const waiting = bus.follow('short', 0, 0).next(limits, new AbortController().signal);
      await publish(bus, 'short', 1);
      expect((await waiting).map(({ position }) => position)).toEqual([3]);
      expect(await bus.positionAt('short', 0, 0)).toBe(3);
      await bus.close();
    });
  });
}

test('what was removed stays removed when the bus opens again, and no position is given twice', async () => {
  const bus = await openEmbeddedBus(engine, kernel);
  await bus.ensureTopics([{ name: 'short', partitions: 1, retentionMs: minute }]);
  await publish(bus, 'short', 120);
  clock.pass(5 * minute);
  await roundOver();
  await bus.close();
  expect(clock.armed).toBe(0);
  const again = await openEmbeddedBus(engine, kernel);
  expect(await again.bounds('short')).toEqual([{ first: 120, end: 120 }]);
  await publish(again, 'short', 1);
  expect((await again.read('short', 0, 0, limits)).map(({ position }) => position)).toEqual([120]);
  await again.close();
});

test('a retention that is changed holds from the next round on', async () => {
  const bus = await openEmbeddedBus(engine, kernel);
  await bus.ensureTopics([{ name: 'data', partitions: 1, retentionMs: null }]);
  await publish(bus, 'data', 2);
  clock.pass(60 * minute);
  await roundOver();
  expect(await bus.bounds('data')).toEqual([{ first: 0, end: 2 }]);
  await bus.ensureTopics([{ name: 'data', partitions: 1, retentionMs: minute }]);
  clock.pass(5 * minute);
  await roundOver();
  expect(await bus.bounds('data')).toEqual([{ first: 2, end: 2 }]);
  await bus.close();
});
