import { createEvaluation } from '@relearn/evaluation';
import { createFeature } from '@relearn/feature';
import { Lifecycle } from '@relearn/kernel';
import { createMonitoring } from '@relearn/monitoring';
import { createRegistry } from '@relearn/registry';
import type { Ports } from '@relearn/runtime';
import { createServing, type ServingOptions } from '@relearn/serving';
import { createTraining } from '@relearn/training';
import { createValidation } from '@relearn/validation';
import { codeFacts } from './code-facts.js';

export interface ServicesOptions {
  /** Turns end when their machine time runs out. */
  readonly deadlines: boolean;
  readonly serving: ServingOptions;
}

/** The seven services that read the log, in one process; ingestion is the door before them. */
export async function createServices(ports: Ports, options: ServicesOptions) {
  const registry = createRegistry(ports, { deadlines: options.deadlines });
  const serving = createServing(ports, options.serving);
  const feature = createFeature(ports);
  const monitoring = createMonitoring(ports);
  const all = [
    serving,
    registry,
    createEvaluation(ports, await codeFacts()),
    createTraining(ports),
    feature,
    createValidation(ports),
    monitoring,
  ];
  const lifecycle = new Lifecycle();
  for (const service of all) for (const part of service.parts) lifecycle.add(part);
  return { lifecycle, registry: registry.commands, monitoring: monitoring.commands, online: feature.online, host: serving.host };
}

export type Services = Awaited<ReturnType<typeof createServices>>;
