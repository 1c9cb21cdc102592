import type { Topic } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import type { Ports } from '../ports.js';
import type { Reached } from './rebuild.js';
import type { FoldedService } from './state.js';

/** So long the bus may take to hand over all partitions; who has not given them up by then runs. */
const waitMs = 60_000;
const lookEveryMs = 50;

/**
 * Becomes the only member of each consumer group and reads where the group stands. Throws REFUSED when somebody else is a
 * member: services run.
 */
export async function readCommitted(ports: Ports, { folds, deciders }: FoldedService): Promise<Reached> {
  const groups = [
    ...folds.map(({ service, topics }) => ({ group: service, topics })),
    ...deciders.map(({ service, topics }) => ({ group: `${service}-decider`, topics })),
  ];
  const positions = new Map<string, number>();
  await Promise.all(groups.map(({ group, topics }) => readGroup(ports, group, topics, positions)));
  return {
    committed: (group, topic, partition) => positions.get(`${group} ${topic}/${partition}`) ?? 0,
  };
}

async function readGroup(
  { bus, kernel, partitions }: Ports,
  group: string,
  topics: readonly Topic[],
  positions: Map<string, number>,
): Promise<void> {
  const assigned = new Set<number>();
  const subscription = await bus.subscribe({
    group,
    topics,
    onAssigned: (partition, readers) => {
      assigned.add(partition);
      for (const { topic, position } of readers) positions.set(`${group} ${topic}/${partition}`, position);
    },
    onRevoked: (partition) => {
      assigned.delete(partition);
      return Promise.resolve();
    },
  });
  try {
    const until = kernel.clock.now() + waitMs;
    while (assigned.size < partitions) {
      if (kernel.clock.now() > until) {
        throw new RelearnError(
          'REFUSED',
          `somebody else reads as ${group}: ${assigned.size} of ${partitions} partitions are free`,
          {
            remedy: 'Stop all services first.',
          },
        );
      }
      await kernel.clock.sleep(lookEveryMs);
    }
  } finally {
    await subscription.close();
  }
}
