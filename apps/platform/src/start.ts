import { failpointsOf, type Kernel, Lifecycle, RelearnError, systemChance, systemClock } from '@relearn/kernel';
import type { Ports } from '@relearn/runtime';
import { type GrpcServer, grpcServer } from '@relearn/rpc/grpc';
import type { Telemetry } from '@relearn/telemetry';
import fastify, { type FastifyInstance } from 'fastify';
import { assemble, type Assembly } from './assemblies.js';
import { commandsOver } from './commands.js';
import { type Config, inSeveralProcesses } from './config/config.js';
import { createConsole } from './console.js';
import { answerEarly } from './early.js';
import { type Front, type FrontOptions, makeFront } from './front.js';
import { HttpDoor } from './doors/http.js';
import { refusePath } from './doors/malformed.js';
import { addProbes, type Probed } from './doors/probes.js';
import type { OpenEngines } from './engines/open-engines.js';
import { Health } from './health.js';
import { holdFolder } from './hold-folder.js';
import { folds } from './lag.js';
import { observeCalls, observeLag, observeRequests } from './observed.js';
import { OnlineDoor } from './online.js';
import { openPorts, patient } from './open-ports.js';
import { signerFor, trustOf } from './keys/vouching.js';
import { Peers } from './peers.js';
import { folderOf, type LeftBehind, spoolsLeftBehind } from './processes/folders.js';
import type { Member } from './processes/member.js';
import { Replays } from './replay/replays.js';
import type { ServiceName } from './service-names.js';
import { Standing } from './standing.js';
import { watchEngines } from './watch.js';

export interface PlatformOptions {
  readonly config: Config;
  readonly telemetry: Telemetry;
  /** Services of this process. */
  readonly services: readonly ServiceName[];
  /** The storage has failed for good, or a part cannot go on: the process should end. */
  readonly onFailure: (error: RelearnError) => void;
  /** Ends a start that waits for engines. */
  readonly signal?: AbortSignal;
  /** Where this process is one of several that share its doors. */
  readonly member?: Member | undefined;
  /** Engines that somebody else has opened, and closes, in place of those of the configuration. */
  readonly engines?: OpenEngines;
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

type ClosedBy = (closer: () => Promise<void>) => void;

/**
 * Starts services in this process: the engines, what the services are made of, the doors on both ports. While an engine
 * that processes share is away it waits, and its HTTP door says for what.
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const closers: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const started = await start(options, (closer) => closers.push(closer));
    return { ...started, stop };
  } catch (thrown) {
    try {
      await stop();
    } catch (second) {
      // Why it did not start is what counts.
      options.telemetry.log.error({ code: RelearnError.from(second).code }, RelearnError.from(second).describe());
    }
    throw thrown;
  }
}

async function start(options: PlatformOptions, closedBy: ClosedBy): Promise<Omit<Platform, 'stop'>> {
  const { config, services: names, telemetry, onFailure, member } = options;
  inSeveralProcesses(config, names);
  const kernel = processKernel(config.failpoints);
  const { signal = new AbortController().signal } = options;
  const standing = new Standing(kernel, telemetry.log);
  const health = new Health(telemetry, standing, kernel.clock);
  member?.speaksFor(health);
  const http = httpDoor(config, telemetry, member ?? health, standing);
  closedBy(() => http.stop());
  const grpc = grpcOf(config, kernel, telemetry);
  const { engines, partitions, env } = config;
  const doors = () => ({ url: http.url, grpcAddress: `${config.grpc.host}:${grpc.port}` });
  // Whoever may have to wait says so; but where siblings answer, no request is to come to one that does not.
  if (engines.kind === 'shared' && member?.siblingsServe !== true) await http.start();
  const serves = names.includes('serving');
  const trust = trustOf(config, telemetry);
  const ofFront = { ...frontOptions(config, member), trust };
  let front: Front | null = null;
  if (engines.kind === 'shared' && serves) {
    closedBy(await holdFolder(ofFront.data));
    const waitsFor = () => waiting(standing);
    const routes = routesOf(telemetry);
    front = await answerEarly({ ...ofFront, kernel, telemetry, grpc, http, routes, waitsFor, closedBy });
    const { front: models, offeredAt } = front;
    health.alone = () => names.length === 1 && models.serves;
    // A model that is loaded later, while the start goes on, is not answered with yet: the doors are closed until its end.
    if (offeredAt !== undefined) {
      health.ready = () => models.serves;
      member?.serves(doors());
    }
  }
  const given = options.engines === undefined ? {} : { opened: options.engines };
  const base = { kernel, telemetry, partitions, durable: true, holdResults: false, onFailure };
  const { ports, close } = await openPorts({ ...base, ...given, engines, env, standing, signal });
  closedBy(close);
  const peers = new Peers(kernel.clock, names, config.addresses, observeCalls(telemetry.metrics.rpcClient));
  closedBy(() => peers.close());
  const commands = commandsOver(peers, ports.catalog, kernel.clock);
  const replays = new Replays(ports, commands.registry);
  if (serves) front ??= await makeFront(kernel, telemetry, ofFront);
  const online = new OnlineDoor(peers, kernel.clock);
  const assembled = await assemble(names, {
    ports,
    trust,
    signer: signerFor(config, names, ports),
    deadlines: true,
    front,
    leftBehind: serves ? leftBehind(config, member) : [],
    online,
    inferenceEvents: config.inferenceEvents,
  });
  if (names.includes('console')) assembled.push(createConsole({ ports, peers, commands, replays }));
  const routes = routesOf(telemetry);
  for (const { offer, route } of assembled) {
    offer?.(grpc);
    offer?.(peers.here);
    route?.(routes);
  }
  const lifecycle = lifecycleOf(ports, assembled, standing, signal);
  lifecycle
    .add({ name: grpc.name, start: () => listening(grpc, front), stop: () => grpc.stop() })
    .add({ name: 'routes', start: () => http.serve(routes), stop: () => http.stop() });
  closedBy(() => lifecycle.stop());
  await lifecycle.start();
  await http.start();
  closedBy(() => replays.stop());
  const here = folds.filter((service) => peers.runsHere(service));
  health.refresh = () => observeLag(ports, here);
  health.ready = () => assembled.every(({ ready }) => ready === undefined || ready());
  closedBy(async () => {
    sayLeaving(health, grpc, front);
    if (config.leaveMs > 0) await kernel.clock.sleep(config.leaveMs);
  });
  member?.serves(doors());
  return { ...doors(), ports, replays };
}

/** Every probe says from here on that requests are to go elsewhere; they are answered as before. */
function sayLeaving(health: Health, grpc: GrpcServer, front: Front | null): void {
  health.ready = () => false;
  front?.plane.leave();
  grpc.health.close();
}

/** Of this process: alone on the folder, or with a folder of its own below it. */
function frontOptions({ data, engines, processes, whenLogFull }: Config, member: Member | undefined): FrontOptions {
  const cached = engines.kind === 'shared';
  const options = { cached, whenFull: whenLogFull };
  if (member === undefined) return { ...options, data, processes: 1 };
  return { ...options, data: folderOf(data, member.index), processes };
}

/** What the first process of several, or the only one, has to ship of those that there were. */
function leftBehind({ data, engines, processes }: Config, member: Member | undefined): readonly LeftBehind[] {
  const first = member === undefined || member.index === 0;
  return engines.kind === 'shared' && first ? spoolsLeftBehind(data, processes) : [];
}

function httpDoor({ http }: Config, telemetry: Telemetry, probed: Probed, standing: Standing): HttpDoor {
  const probes = (app: FastifyInstance) =>
    void app.register(async (scope) => {
      observeRequests(scope, telemetry.metrics);
      addProbes(scope, probed);
    });
  return new HttpDoor({ address: http, probes, waitsFor: () => waiting(standing) });
}

/** Why not everything is answered yet. */
function waiting({ missing }: Standing): string {
  const engines = missing.map(({ name, message }) => `waits for the ${name}: ${message}`);
  return ['this process is starting', ...engines].join('; ');
}

/** An application for the doors' routes. */
function routesOf(telemetry: Telemetry): FastifyInstance {
  const routes = fastify({
    logger: false,
    bodyLimit: 64 * 1024 * 1024,
    routerOptions: { maxParamLength: 1_024 },
    frameworkErrors: refusePath,
  });
  observeRequests(routes, telemetry.metrics);
  return routes;
}

/** A front that answers already has the port. */
async function listening(grpc: GrpcServer, front: Front | null): Promise<void> {
  if (front?.offeredAt !== grpc) await grpc.start();
}

function grpcOf({ grpc, grpcFront }: Config, kernel: Kernel, telemetry: Telemetry): GrpcServer {
  const options = {
    address: `${grpc.host}:${grpc.port}`,
    clock: kernel.clock,
    onCall: observeCalls(telemetry.metrics.rpcServer),
    onDefect: (error: RelearnError, path: string) =>
      telemetry.log.error({ path, stack: error.stack }, error.describe()),
  };
  return grpcServer(options, grpcFront);
}

/** Where processes share the engines, parts wait for them at their start, and are told apart from them afterwards. */
function lifecycleOf(ports: Ports, assembled: readonly Assembly[], standing: Standing, signal: AbortSignal): Lifecycle {
  const lifecycle = new Lifecycle();
  const shared = ports.bus.features.sharedBetweenProcesses;
  for (const part of assembled.flatMap(({ parts }) => parts)) {
    lifecycle.add(shared ? patient(part, standing, signal) : part);
  }
  if (shared) lifecycle.add(watchEngines(ports, standing));
  return lifecycle;
}
