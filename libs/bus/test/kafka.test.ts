import { type BusServer, type BusUnderTest, busConformance, busOutages } from '@relearn/bus/conformance';
import { type Kernel, seededChance, systemKernel } from '@relearn/kernel';
import { describe } from 'vitest';
import { broker, canKill, openBus, type OwnBroker, ownBroker, randomPrefix } from './kafka-engine.js';

const kernel: Kernel = { ...systemKernel, chance: seededChance(7) };
/** Buses on a broker, each with topics and groups of its own. */
async function onBroker(address: string, server?: BusServer): Promise<BusUnderTest> {
  const prefix = randomPrefix();
  const open = () => openBus(address, { prefix, kernel });
  let bus = await open();
  return {
    bus,
    kernel,
    reopen: async () => {
      await bus.close();
      bus = await open();
      return bus;
    },
    another: open,
    ...(server && { server }),
    close: () => bus.close(),
  };
}

describe.skipIf(broker === null)('kafka', () => {
  const noServer = { server: 'others use this broker: the outages run on another' };
  busConformance('kafka', () => onBroker(broker ?? ''), noServer);
});

describe.skipIf(!canKill)('a broker that dies', () => {
  let own: OwnBroker | undefined;
  busOutages('kafka', async () => {
    own ??= await ownBroker();
    return onBroker(own.address, own);
  });
});
