import type { Blobs } from '@relearn/blobs';
import type { Bus } from '@relearn/bus';
import type { Kernel, Workers } from '@relearn/kernel';
import type { Store } from '@relearn/store';
import type { Telemetry } from '@relearn/telemetry';
import type { Catalog } from './catalog.js';
import type { Activity } from './activity.js';

/** Everything impure that a service gets: it cannot tell which adapters stand behind. */
export interface Ports {
  readonly kernel: Kernel;
  readonly bus: Bus;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly workers: Workers;
  readonly telemetry: Telemetry;
  readonly catalog: Catalog;
  readonly activity: Activity;
  /** Partitions of every topic. */
  readonly partitions: number;
  /** Names this process among the instances of its services. */
  readonly instance: string;
}
