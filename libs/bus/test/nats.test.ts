import type { Bus } from '@relearn/bus';
import { busConformance } from '@relearn/bus/conformance';
import { natsOptions, openNatsBus } from '@relearn/bus/nats';
import { type Kernel, seededChance, systemChance, systemKernel } from '@relearn/kernel';
import { createMemoryStore } from '@relearn/store/memory';
import { afterAll, describe } from 'vitest';
import { type NatsServer, ownNats, sharedNats, withoutOwnServer } from './nats-server.js';

const kernel: Kernel = { ...systemKernel, chance: { ...seededChance(7), id: systemChance.id } };

let own: Promise<NatsServer> | undefined;

describe.skipIf(sharedNats === null)('NATS JetStream', () => {
  busConformance(
    'nats',
    async () => {
      const server = withoutOwnServer === undefined ? await (own ??= ownNats()) : undefined;
      const store = createMemoryStore();
      const nats = natsOptions(`${server?.address ?? sharedNats}?prefix=${systemChance.id()}`);
      const open = () => openNatsBus({ ...nats, store, beatMs: 100, leaseMs: 1_500 }, kernel);
      let bus: Bus = await open();
      return {
        bus,
        kernel,
        another: open,
        reopen: async () => {
          await bus.close();
          bus = await open();
          return bus;
        },
        ...(server && { server }),
        close: () => bus.close(),
      };
    },
    withoutOwnServer === undefined ? {} : { server: withoutOwnServer },
  );

  afterAll(async () => (await own)?.kill());
});
