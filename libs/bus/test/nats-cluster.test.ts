import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OutgoingRecord } from '@relearn/bus';
import { natsOptions, openNatsBus } from '@relearn/bus/nats';
import { retry, systemKernel } from '@relearn/kernel';
import { createMemoryStore } from '@relearn/store/memory';
import { connect } from 'nats';
import { afterEach, describe, expect, test } from 'vitest';
import { programs } from '../../../tests/brokers/programs.js';
import { sharedNats } from './nats-server.js';

const kernel = systemKernel;
const built = sharedNats !== null && programs.nats.isBuilt();
const topic = 'flights';
const perCall = 25;
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const closer of closers.splice(0).reverse()) await closer();
});

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => Object(server.address()).port as number);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

interface Node {
  readonly address: string;
  start(): void;
  kill(): Promise<void>;
}

/** Three servers that keep each stream three times. */
async function startCluster(): Promise<Node[]> {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-nats-'));
  closers.push(() => rm(folder, { recursive: true }));
  const command = join(await programs.nats.build(), 'nats-server');
  const ports = await freePorts(6);
  const routes = ports.slice(3).map((port) => `nats://127.0.0.1:${port}`);
  const nodes: Node[] = [];
  for (const [index, port] of ports.slice(0, 3).entries()) {
    const file = join(folder, `${index}.conf`);
    await writeFile(
      file,
      `server_name: n${index}\nlisten: "127.0.0.1:${port}"\njetstream { store_dir: "${join(folder, `${index}`)}" }
       cluster { name: c, listen: "127.0.0.1:${ports[index + 3]}", routes: [${routes.join(', ')}] }\n`,
    );
    let child: ChildProcess | undefined;
    const node = {
      address: `127.0.0.1:${port}`,
      start() {
        child = spawn(command, ['-c', file], { stdio: 'ignore' });
      },
      async kill() {
        if (child === undefined || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      },
    };
    node.start();
    closers.push(() => node.kill());
    nodes.push(node);
  }
  return nodes;
}

describe.skipIf(!built)('NATS JetStream, a cluster (needs a server that was built here)', () => {
  test('when the leader of a partition dies, nothing acknowledged is lost and nothing changes its order', async () => {
    const nodes = await startCluster();
    const prefix = 'c';
    const url = `nats://${nodes.map(({ address }) => address).join(',')}?prefix=${prefix}&replicas=3`;
    const again = { clock: kernel.clock, chance: kernel.chance, longestDelayMs: 200 };
    const store = createMemoryStore();
    const open = async () => {
      const bus = await retry(again, () => openNatsBus({ ...natsOptions(url), store }, kernel));
      closers.push(() => bus.close());
      await retry(again, () => bus.ensureTopics([{ name: topic, partitions: 1, retentionMs: null }]));
      return bus;
    };
    const buses = [await open(), await open()];
    const acknowledged: string[] = [];
    let over = false;
    const writing = buses.map(async (bus, writer) => {
      for (let call = 0; !over; call++) {
        const texts = Array.from({ length: perCall }, (_, n) => `${writer}/${call * perCall + n}`);
        const records: OutgoingRecord[] = texts.map((text) => {
          return { topic, partition: 0, key: null, headers: {}, value: new TextEncoder().encode(text) };
        });
        await retry(again, () => bus.publish(records));
        acknowledged.push(...texts);
      }
    });
    const more = async (count: number) => {
      const target = acknowledged.length + count;
      while (acknowledged.length < target) await kernel.clock.sleep(5);
    };
    await more(500);
    const nc = await connect({ servers: nodes.map(({ address }) => address) });
    const { cluster } = await (await nc.jetstreamManager()).streams.info(`${prefix}~${topic}~0`);
    await nc.close();
    const leader = nodes[Number(cluster?.leader?.slice(1))];
    if (leader === undefined) throw new Error('no leader');
    await leader.kill();
    await more(500);
    leader.start();
    await more(500);
    over = true;
    await Promise.all(writing);
    const [reading] = buses;
    const { end = 0 } = (await retry(again, async () => reading?.bounds(topic)))?.[0] ?? {};
    const follower = buses[1]?.follow(topic, 0, 0);
    const seen: string[] = [];
    while (follower !== undefined && follower.position < end) {
      const records = await follower.next({ maxRecords: 1_000, maxBytes: 8e6 }, new AbortController().signal);
      seen.push(...records.map(({ value }) => new TextDecoder().decode(value)));
    }
    const known = new Set(seen);
    expect(acknowledged.filter((text) => !known.has(text))).toEqual([]);
    for (const writer of ['0', '1']) {
      let next = 0;
      for (const text of seen.filter((one) => one.startsWith(`${writer}/`))) {
        const number = Number(text.slice(2));
        // A call that was sent again may stand there twice; nothing is left out on the way.
        expect(number).toBeLessThanOrEqual(next);
        next = Math.max(next, number + 1);
      }
    }
  });
});
