import type { Kernel, RelearnError } from '@relearn/kernel';
import type { Bus } from '../port.js';
import { KafkaBus } from './kafka-bus.js';
import type { KafkaOptions } from './options.js';
import { calmRequestQueue } from './request-queue.js';

export { type KafkaOptions, kafkaOptions } from './options.js';

export interface OpenKafkaBus extends KafkaOptions {
  /** Told when the brokers are away or refuse, and once a minute while that lasts. `health` of the bus says the same. */
  readonly onBackgroundError?: (error: RelearnError) => void;
}

/**
 * A bus on the brokers of Kafka, which it reaches once before it resolves: UNAVAILABLE when none answers. Every record is
 * acknowledged by all replicas in sync. It survives a process, and a machine if two replicas have it or it is forced to disk.
 */
export async function openKafkaBus(options: OpenKafkaBus, kernel: Kernel): Promise<Bus> {
  calmRequestQueue();
  const { onBackgroundError = () => undefined } = options;
  const power = options.flush || options.minInSyncReplicas >= 2;
  const features = { name: 'kafka', durability: { process: true, power }, sharedBetweenProcesses: true };
  const bus = new KafkaBus(options, features, kernel, onBackgroundError);
  try {
    await bus.connect();
  } catch (thrown) {
    await bus.close();
    throw thrown;
  }
  return bus;
}
