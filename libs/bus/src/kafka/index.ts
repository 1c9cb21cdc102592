import type { Kernel, RelearnError } from '@relearn/kernel';
import type { Bus, BusFeatures } from '../port.js';
import { KafkaBus } from './kafka-bus.js';
import type { KafkaOptions } from './options.js';
import { calmRequestQueue } from './request-queue.js';

export { groupDefaults, type KafkaOptions, kafkaOptions } from './options.js';

export interface OpenKafkaBus extends KafkaOptions {
  /** Told when the brokers are away or refuse, and once a minute while that lasts. `health` of the bus says the same. */
  readonly onBackgroundError?: (error: RelearnError) => void;
}

/**
 * What is acknowledged survives the loss of a machine's power where two replicas must have it, or where it is forced to disk:
 * a broker by itself acknowledges what the system has in memory.
 */
export function kafkaFeatures({ flush, minInSyncReplicas }: KafkaOptions): BusFeatures {
  const power = flush || minInSyncReplicas >= 2;
  return { name: 'kafka', durability: { process: true, power }, sharedBetweenProcesses: true };
}

/**
 * A bus on the brokers of Kafka, which it reaches once before it resolves: UNAVAILABLE when none answers. Every record is
 * acknowledged by all replicas in sync.
 */
export async function openKafkaBus(options: OpenKafkaBus, kernel: Kernel): Promise<Bus> {
  calmRequestQueue();
  const { onBackgroundError = () => undefined } = options;
  const bus = new KafkaBus(options, kafkaFeatures(options), kernel, onBackgroundError);
  try {
    await bus.connect();
  } catch (thrown) {
    await bus.close();
    throw thrown;
  }
  return bus;
}
