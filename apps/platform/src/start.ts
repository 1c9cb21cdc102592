import { join } from 'node:path';
import { auditLog } from '@relearn/audit';
import { ConsoleView, registerConsolePage, registerConsoleRoutes } from '@relearn/console';
import { evaluationService } from '@relearn/evaluation';
import { featuresService } from '@relearn/feature';
import { createIngestion, ingestFile, ingestionService, registerIngestionRoutes } from '@relearn/ingestion';
import {
  failpointsOf,
  type Kernel,
  Lifecycle,
  type Part,
  RelearnError,
  systemChance,
  systemClock,
} from '@relearn/kernel';
import { monitoringService } from '@relearn/monitoring';
import { registryService } from '@relearn/registry';
import type { Ports } from '@relearn/runtime';
import type { RpcServer } from '@relearn/rpc';
import { GrpcServer } from '@relearn/rpc/grpc';
import { addInferenceService, DataPlane, PredictionSpool, registerInferenceRoutes } from '@relearn/serving';
import type { Telemetry } from '@relearn/telemetry';
import { trainingService } from '@relearn/training';
import { validationHandlers, validationService } from '@relearn/validation';
import fastify, { type FastifyInstance } from 'fastify';
import type { Config } from './config/config.js';
import { logMetrics } from './log-metrics.js';
import { observeCall, observeLag, observeRequests } from './observed.js';
import { openPorts } from './open-ports.js';
import { parsePipeline } from './pipeline/parse.js';
import { Replays } from './replay/replays.js';
import { version } from './version.js';
import { createServices, type ServiceName, type Services } from './services.js';

export interface PlatformOptions {
  readonly config: Config;
  readonly telemetry: Telemetry;
  /** Services of this process. */
  readonly services: readonly ServiceName[];
  /** The storage has failed for good, or a part cannot go on: the process should end. */
  readonly onFailure: (error: RelearnError) => void;
}

export interface Platform {
  readonly url: string;
  readonly grpcAddress: string;
  readonly ports: Ports;
  readonly replays: Replays;
  stop(): Promise<void>;
}

/** A kernel of the running process; failpoints kill it as nothing else could. */
export function processKernel(failpoints: string): Kernel {
  const kill = () => process.kill(process.pid, 'SIGKILL');
  return { clock: systemClock, chance: systemChance, failpoints: failpointsOf(failpoints, kill) };
}

/** Starts everything in this process: adapters, services, and the doors on both ports. */
export async function startPlatform({
  config,
  telemetry,
  services: names,
  onFailure,
}: PlatformOptions): Promise<Platform> {
  const kernel = processKernel(config.failpoints);
  const folder = config.data;
  const opened = await openPorts({
    folder,
    kernel,
    telemetry,
    partitions: config.partitions,
    durable: true,
    holdResults: false,
    onFailure,
  });
  const { ports } = opened;
  const lifecycle = new Lifecycle();
  try {
    const spool = new PredictionSpool(ports, { folder: join(folder, 'spool') });
    const services = await createServices(ports, { names, deadlines: true, serving: { log: spool.log } });
    const replays = new Replays(ports, services);
    const view = new ConsoleView(ports);
    const ingestion = createIngestion(ports);
    const grpc = grpcServer(config, ports, services, names, ingestion.rpc);
    // Where serving is elsewhere, nothing is loaded before this process can answer.
    const probes = { ready: () => !names.includes('serving') || services.host.ready };
    const http = await httpServer(config, ports, services, { replays, view, door: ingestion.door, probes });
    lifecycle.add(spool).add(services.lifecycle).add(view).add(logMetrics(ports));
    for (const part of ingestion.parts) lifecycle.add(part);
    lifecycle.add(grpc).add(http.part);
    await lifecycle.start();
    return {
      url: http.url(),
      grpcAddress: `${config.grpc.host}:${grpc.port}`,
      ports,
      replays,
      async stop() {
        probes.ready = () => false;
        await replays.stop();
        await lifecycle.stop();
        await opened.close();
      },
    };
  } catch (thrown) {
    try {
      await lifecycle.stop();
      await opened.close();
    } catch (second) {
      // Why it did not start is what counts.
      telemetry.log.error({ code: RelearnError.from(second).code }, RelearnError.from(second).describe());
    }
    throw thrown;
  }
}

function grpcServer(
  config: Config,
  ports: Ports,
  services: Services,
  names: readonly ServiceName[],
  ingestion: ReturnType<typeof createIngestion>['rpc'],
): GrpcServer {
  const server = new GrpcServer({
    address: `${config.grpc.host}:${config.grpc.port}`,
    clock: ports.kernel.clock,
    onCall: (call) => observeCall(ports.telemetry.metrics, call),
    onDefect: (error, path) => ports.telemetry.log.error({ path, stack: error.stack }, error.describe()),
  });
  addInferenceService(server, new DataPlane(services.host, ports.kernel, version));
  server.add(ingestionService, ingestion);
  server.add(validationService, validationHandlers(ports.catalog));
  addQuestions(server, services, names);
  return server;
}

/** What only the service's own process can answer: a question to another process is UNIMPLEMENTED. */
function addQuestions(server: RpcServer, { rpc }: Services, names: readonly ServiceName[]): void {
  if (names.includes('feature')) server.add(featuresService, rpc.feature);
  if (names.includes('training')) server.add(trainingService, rpc.training);
  if (names.includes('evaluation')) server.add(evaluationService, rpc.evaluation);
  if (names.includes('registry')) server.add(registryService, rpc.registry);
  if (names.includes('monitoring')) server.add(monitoringService, rpc.monitoring);
}

interface Doors {
  readonly replays: Replays;
  readonly view: ConsoleView;
  readonly door: ReturnType<typeof createIngestion>['door'];
  readonly probes: Probes;
}

/** Readiness turns false before anything is torn down. */
interface Probes {
  ready: () => boolean;
}

async function httpServer(config: Config, ports: Ports, services: Services, { replays, view, door, probes }: Doors) {
  const app = fastify({ logger: false, bodyLimit: 64 * 1024 * 1024, forceCloseConnections: true });
  observeRequests(app, ports.telemetry.metrics);
  registerIngestionRoutes(app, door);
  registerInferenceRoutes(app, new DataPlane(services.host, ports.kernel, version));
  const deps = {
    ports,
    view,
    registry: services.registry,
    monitoring: services.monitoring,
    async audit() {
      const report = await auditLog({ ...ports, clock: ports.kernel.clock, folds: services.folds });
      for (const { invariant } of report.violations) ports.telemetry.metrics.violations.add({ invariant });
      return report;
    },
    parse: parsePipeline,
    replay: {
      start: (file: string, speed: number | null) => replays.start(file, { speed, turnShare: 0.1 }),
      status: () => replays.status(),
    },
    ingest: (pipeline: string, file: string, stream: string) =>
      ingestFile(ports, pipeline, file, () => undefined, { stream }),
    version,
  };
  registerConsoleRoutes(app, deps);
  registerConsolePage(app, deps);
  addProbes(app, ports, probes);
  let url = '';
  const part: Part = {
    name: 'http server',
    async start() {
      try {
        url = await app.listen({ host: config.http.host, port: config.http.port });
      } catch (thrown) {
        const { message } = RelearnError.from(thrown);
        throw new RelearnError(
          'UNAVAILABLE',
          `HTTP cannot listen on ${config.http.host}:${config.http.port}: ${message}`,
          {
            cause: thrown,
            remedy: 'Stop what uses the port, or set RELEARN_HTTP to another address.',
          },
        );
      }
    },
    stop: () => app.close(),
  };
  return { part, url: () => url };
}

function addProbes(app: FastifyInstance, ports: Ports, probes: Probes): void {
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', (_request, reply) => {
    const ready = probes.ready();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready' });
  });
  app.get('/metrics', async (_request, reply) => {
    await observeLag(ports);
    const { contentType, body } = await ports.telemetry.metrics.render();
    return reply.header('content-type', contentType).send(body);
  });
}
