import { createEvaluation } from '@relearn/evaluation';
import { createFeature } from '@relearn/feature';
import { Lifecycle, type Part } from '@relearn/kernel';
import { createMonitoring } from '@relearn/monitoring';
import { createRegistry } from '@relearn/registry';
import type { Ports } from '@relearn/runtime';
import { createServing, type ServingOptions } from '@relearn/serving';
import { createTraining } from '@relearn/training';
import { createValidation } from '@relearn/validation';
import { codeFacts } from './code-facts.js';
import { parsePipeline } from './pipeline/parse.js';

export const serviceNames = [
  'ingestion',
  'validation',
  'feature',
  'training',
  'evaluation',
  'registry',
  'serving',
  'monitoring',
  'console',
] as const;
export type ServiceName = (typeof serviceNames)[number];

export interface ServicesOptions {
  /** Which of them run here; the others' doors are there and do nothing. */
  readonly names: readonly ServiceName[];
  /** Turns end when their machine time runs out. */
  readonly deadlines: boolean;
  readonly serving: ServingOptions;
}

/** The seven services that read the log, in one process; ingestion and console are the doors beside them. */
export async function createServices(ports: Ports, { names, deadlines, serving: servingOptions }: ServicesOptions) {
  const registry = createRegistry(ports, { deadlines, parse: parsePipeline });
  const serving = createServing(ports, servingOptions);
  const feature = createFeature(ports);
  const monitoring = createMonitoring(ports);
  const evaluation = createEvaluation(ports, await codeFacts());
  const training = createTraining(ports);
  const all = [serving, registry, evaluation, training, feature, createValidation(ports), monitoring];
  const wanted = new Set<string>(names);
  const lifecycle = new Lifecycle();
  for (const service of all) {
    if (wanted.has(service.manifest.name)) for (const part of service.parts) lifecycle.add(part);
  }
  const folds = all
    .flatMap((service) => ('deciders' in service ? (service.deciders ?? []) : []))
    .map((decider) => ({ decider }));
  const part: Part = { name: 'services', start: () => lifecycle.start(), stop: () => lifecycle.stop() };
  return {
    lifecycle: part,
    folds,
    registry: registry.commands,
    monitoring: monitoring.commands,
    rpc: {
      feature: feature.rpc,
      training: training.rpc,
      evaluation: evaluation.rpc,
      registry: registry.rpc,
      monitoring: monitoring.rpc,
    },
    host: serving.host,
  };
}

export type Services = Awaited<ReturnType<typeof createServices>>;
