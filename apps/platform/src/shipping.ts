import type { Part } from '@relearn/kernel';
import type { Ports } from '@relearn/runtime';
import { createWorkers } from '@relearn/runtime/workers';
import { PredictionSpool } from '@relearn/serving';
import { holdFolder } from './hold-folder.js';
import type { LeftBehind } from './processes/folders.js';

/** The spool, whose records go to the bus from here on. Its thread is its own: other jobs take minutes. */
export function shippingTo(ports: Ports, spool: PredictionSpool): Part {
  const workers = createWorkers({ size: 1, youngMiB: 12, clock: ports.kernel.clock, log: ports.telemetry.log });
  return {
    name: spool.name,
    async start() {
      await spool.start();
      spool.shipTo(ports, workers);
    },
    async stop() {
      await spool.stop();
      await workers.stop();
    },
  };
}

/** A spool that nobody fills any more: what it still holds goes to the bus. Its start waits for whoever has the folder. */
export function shippingLeftBehind(ports: Ports, { folder, lock }: LeftBehind): Part {
  const spool = shippingTo(ports, new PredictionSpool(ports, { folder }));
  let release: (() => Promise<void>) | undefined;
  return {
    name: `spool left behind in ${folder}`,
    async start() {
      if (lock !== null) release ??= await holdFolder(lock);
      await spool.start();
    },
    async stop() {
      await spool.stop();
      await release?.();
    },
  };
}
