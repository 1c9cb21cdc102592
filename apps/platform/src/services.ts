import type { RegistryDoor } from '@relearn/console';
import { Lifecycle } from '@relearn/kernel';
import type { Decider, Ports } from '@relearn/runtime';
import { assemble, readingServices } from './assemblies.js';
import { commandsOver } from './commands.js';
import { Peers } from './peers.js';

export interface LoneServices {
  readonly registry: RegistryDoor;
  /** Their deciders, for an audit. */
  readonly deciders: readonly { readonly decider: Decider<unknown> }[];
  stop(): Promise<void>;
}

/** Starts every service that reads the log, without doors, deadlines and clock: whoever asks for them moves time. */
export async function startServices(ports: Ports): Promise<LoneServices> {
  const { clock } = ports.kernel;
  const services = await assemble(readingServices, { ports, deadlines: false, front: null, online: null });
  const peers = new Peers(clock, readingServices, new Map());
  const lifecycle = new Lifecycle();
  for (const { parts, offer } of services) {
    offer?.(peers.here);
    for (const part of parts) lifecycle.add(part);
  }
  await lifecycle.start();
  return {
    registry: commandsOver(peers, ports.catalog, clock).registry,
    deciders: services.flatMap(({ deciders = [] }) => deciders.map((decider) => ({ decider }))),
    async stop() {
      await peers.close();
      await lifecycle.stop();
    },
  };
}
