import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bus } from '@relearn/bus';
import { busConformance } from '@relearn/bus/conformance';
import { openEmbeddedBus } from '@relearn/bus/embedded';
import { createMemoryBus } from '@relearn/bus/memory';
import { type Kernel, seededChance, systemKernel } from '@relearn/kernel';
import { openSqlite } from '@relearn/sqlite';

const kernel: Kernel = { ...systemKernel, chance: seededChance(7) };

const oneProcess = { another: 'one process has the log to itself', server: 'it has none' };

busConformance(
  'memory',
  async () => {
    const bus = createMemoryBus(kernel);
    return { bus, kernel, close: () => bus.close() };
  },
  { ...oneProcess, reopen: 'nothing survives' },
);

// With the newest records in memory, with a few of them, and with every read through the database.
for (const tailBytes of [512 * 1024, 400, 0]) {
  const factory = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'relearn-bus-'));
    let engine = await openSqlite({ folder, durable: tailBytes > 0 });
    let bus: Bus = await openEmbeddedBus(engine, kernel, { tailBytes });
    const shut = async () => {
      await bus.close();
      await engine.close();
    };
    return {
      bus,
      kernel,
      reopen: async () => {
        await shut();
        engine = await openSqlite({ folder, durable: tailBytes > 0 });
        bus = await openEmbeddedBus(engine, kernel, { tailBytes });
        return bus;
      },
      close: async () => {
        await shut();
        await rm(folder, { recursive: true });
      },
    };
  };
  busConformance(`embedded, tail of ${tailBytes} bytes`, factory, oneProcess);
}
