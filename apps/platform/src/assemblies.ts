import type { Signer, ReadTrust } from '@relearn/bundles';
import type { Part } from '@relearn/kernel';
import type { Decider, FoldedService, Ports, RunningService } from '@relearn/runtime';
import type { RpcServer } from '@relearn/rpc';
import { createWorkers } from '@relearn/runtime/workers';
import type { FastifyInstance } from 'fastify';
import { codeFacts } from './code-facts.js';
import type { Front } from './front.js';
import { sinkAt } from './inference-event-sink.js';
import type { OnlineDoor } from './online.js';
import type { LeftBehind } from './processes/folders.js';
import { parsePipeline } from './pipeline/parse.js';
import { type ServiceName } from './service-names.js';

/** A service of this process: what is started and stopped, and where it is heard. */
export interface Assembly {
  readonly parts: readonly Part[];
  readonly deciders?: RunningService['deciders'];
  readonly folds?: RunningService['folds'];
  /** Offers its gRPC services. */
  readonly offer?: (server: RpcServer) => void;
  /** Adds its HTTP routes. */
  readonly route?: (app: FastifyInstance) => void;
  /** Whether it takes requests; absent: as soon as it has started. */
  readonly ready?: () => boolean;
}

export interface AssemblyOptions {
  readonly ports: Ports;
  /** Signs bundles; absent: nobody does. */
  readonly signer?: Signer | undefined;
  /** Whose bundles may become champion; absent: anybody's. */
  readonly trust?: ReadTrust | undefined;
  /** Turns end when their machine time runs out. */
  readonly deadlines: boolean;
  /** What answers requests, and logs them; null: nobody asks. */
  readonly front: Front | null;
  /** Spools that nobody fills any more. */
  readonly leftBehind?: readonly LeftBehind[];
  /** Where CloudEvents about requests are sent; undefined: nowhere. */
  readonly inferenceEvents?: URL | undefined;
  /** Where predictions find the features of entities; null: nobody asks. */
  readonly online: OnlineDoor | null;
}

type Service = Exclude<ServiceName, 'console'>;
type Assemble = (options: AssemblyOptions) => Promise<Assembly>;

/** How each service is made. A process loads what it runs and nothing else. Started in this order, stopped in reverse. */
const assemblies: Readonly<Record<Service, Assemble>> = {
  serving: async ({ ports, front: answering, leftBehind = [], online, inferenceEvents }) => {
    const serving = await import('@relearn/serving');
    if (answering === null || online === null) return serving.createServing(ports, {});
    const { shippingLeftBehind, shippingTo } = await import('./shipping.js');
    const { front, spool, plane, offeredAt } = answering;
    const { host, ...running } = serving.createServing(ports, { front });
    const predictor = new serving.Predictor(host, plane, online.read);
    return {
      ...running,
      parts: [
        shippingTo(ports, spool),
        ...leftBehind.map((left) => shippingLeftBehind(ports, left)),
        ...running.parts,
        ...(inferenceEvents === undefined ? [] : [serving.sendInferenceEvents(ports, sinkAt(inferenceEvents))]),
      ],
      offer: (server) => {
        if (server !== offeredAt) serving.addInferenceService(server, plane);
        server.add(serving.servingService, serving.servingHandlers(predictor));
      },
      route: (app) => serving.registerInferenceRoutes(app, plane),
      ready: () => host.ready,
    };
  },
  registry: async ({ ports, deadlines, signer, trust }) => {
    const { createRegistry, registryService } = await import('@relearn/registry');
    // A thread of their own: a file is not to wait until a training run has ended.
    const trials = createWorkers({ size: 1 });
    const { rpc, ...registry } = createRegistry(ports, { deadlines, parse: parsePipeline, trials, signer, trust });
    const ended = { name: 'model trials', start: async () => undefined, stop: () => trials.stop() };
    return { ...registry, parts: [ended, ...registry.parts], offer: (server) => server.add(registryService, rpc) };
  },
  evaluation: async ({ ports, signer }) => {
    const { createEvaluation, evaluationService } = await import('@relearn/evaluation');
    const { rpc, ...evaluation } = createEvaluation(ports, await codeFacts(), signer);
    return { ...evaluation, offer: (server) => server.add(evaluationService, rpc) };
  },
  training: async ({ ports }) => {
    const { createTraining, trainingService } = await import('@relearn/training');
    const { rpc, ...training } = createTraining(ports);
    return { ...training, offer: (server) => server.add(trainingService, rpc) };
  },
  feature: async ({ ports, online: door }) => {
    const { createFeature, featuresService } = await import('@relearn/feature');
    const { rpc, online, ...feature } = createFeature(ports);
    if (door !== null) door.here = online;
    return { ...feature, offer: (server) => server.add(featuresService, rpc) };
  },
  validation: async ({ ports }) => {
    const { createValidation, validationService } = await import('@relearn/validation');
    const { rpc, ...validation } = createValidation(ports);
    return { ...validation, offer: (server) => server.add(validationService, rpc) };
  },
  monitoring: async ({ ports }) => {
    const { createMonitoring, monitoringService } = await import('@relearn/monitoring');
    const { rpc, ...monitoring } = createMonitoring(ports);
    return { ...monitoring, offer: (server) => server.add(monitoringService, rpc) };
  },
  ingestion: async ({ ports }) => {
    const { createIngestion, ingestionService, registerIngestionRoutes } = await import('@relearn/ingestion');
    const { door, rpc, ...ingestion } = createIngestion(ports);
    return {
      ...ingestion,
      offer: (server) => server.add(ingestionService, rpc),
      route: (app) => registerIngestionRoutes(app, door),
    };
  },
};

const services = Object.keys(assemblies) as readonly Service[];

/** The services that read the log: all but ingestion's doors. */
export const readingServices: readonly ServiceName[] = services.filter((name) => name !== 'ingestion');

/** Makes the named services; the console is made from them. */
export async function assemble(names: readonly ServiceName[], options: AssemblyOptions): Promise<Assembly[]> {
  const assembled: Assembly[] = [];
  for (const name of services) if (names.includes(name)) assembled.push(await assemblies[name](options));
  return assembled;
}

/** Every decider there is, for whoever folds their states again; nothing of it runs. */
export async function allDeciders(ports: Ports): Promise<{ decider: Decider<unknown> }[]> {
  const { deciders } = await foldedService(ports);
  return deciders.map((decider) => ({ decider }));
}

/** All that has a state. */
export async function foldedService(ports: Ports): Promise<FoldedService> {
  const all = await assemble(services, { ports, deadlines: false, front: null, online: null });
  return { folds: all.flatMap(({ folds = [] }) => folds), deciders: all.flatMap(({ deciders = [] }) => deciders) };
}
