import type { Kernel } from '@relearn/kernel';
import { LogBus } from '../core/log-bus.js';
import type { Bus } from '../port.js';
import { MemoryLog } from './memory-log.js';

/** A bus for tests and simulations: nothing but promises and the kernel's clock, nothing survives. */
export function createMemoryBus(kernel: Kernel): Bus {
  return new LogBus({
    features: { name: 'memory', durability: { process: false, power: false }, sharedBetweenProcesses: false },
    storage: new MemoryLog(),
    tailBytes: 0,
    contents: { topics: [], shards: [], committed: [] },
    kernel,
  });
}
