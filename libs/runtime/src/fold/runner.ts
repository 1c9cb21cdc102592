import type { Subscription } from '@relearn/bus';
import type { Part } from '@relearn/kernel';
import type { Ports } from '../ports.js';
import type { FoldDefinition } from './definition.js';
import { ShardLoop } from './shard-loop.js';

/** Runs a fold on every shard that the bus assigns to this process. */
export function foldPart<S>(ports: Ports, definition: FoldDefinition<S>): Part {
  const loops = new Map<number, ShardLoop<S>>();
  let subscription: Subscription | undefined;
  let leave: () => void = () => undefined;
  const stopShard = async (partition: number) => {
    const loop = loops.get(partition);
    await loop?.stop();
    loops.delete(partition);
  };
  return {
    name: `${definition.service} fold`,
    async start() {
      leave = ports.activity.join({
        doneBelow: (topic, partition) => loops.get(partition)?.doneBelow(topic),
        busy: () => [...loops.values()].some((loop) => loop.busy()),
      });
      const subscribing = ports.bus.subscribe({
        group: definition.service,
        topics: definition.topics,
        onAssigned: (partition, readers) => {
          const loop = new ShardLoop(ports, definition, partition, readers);
          loops.set(partition, loop);
          loop.start();
        },
        onRevoked: stopShard,
      });
      try {
        subscription = await subscribing;
      } catch (thrown) {
        leave();
        throw thrown;
      }
    },
    async stop() {
      await subscription?.close();
      leave();
    },
  };
}
