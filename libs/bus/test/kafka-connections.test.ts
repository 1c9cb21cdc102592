import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { broker, openBus, randomPrefix } from './kafka-engine.js';

const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;

test.skipIf(broker === null)(
  'a bus that is closed leaves no connection, though many requests came at once',
  async () => {
    const before = sockets();
    const bus = await openBus(broker ?? '', { prefix: randomPrefix() });
    const partitions = [0, 1, 2, 3, 4, 5];
    await bus.ensureTopics([{ name: 'flights', partitions: partitions.length, retentionMs: null }]);
    await bus.publish(
      partitions.map((partition) => ({
        topic: 'flights',
        partition,
        key: null,
        value: new Uint8Array(1),
        headers: {},
      })),
    );
    const limits = { maxRecords: 10, maxBytes: 1_000_000 };
    const read = await Promise.all(partitions.map((partition) => bus.read('flights', partition, 0, limits)));
    expect(read.map((records) => records.length)).toEqual(partitions.map(() => 1));
    await bus.close();
    while (sockets() > before) await sleep(10);
  },
);
