import { auditLog } from '@relearn/audit';
import { ConsoleView, registerConsolePage, registerConsoleRoutes, type Work } from '@relearn/console';
import { ingestFile, mostRequestBytes } from '@relearn/ingestion';
import type { Ports } from '@relearn/runtime';
import { mostBodyBytes } from '@relearn/serving';
import { allDeciders, type Assembly } from './assemblies.js';
import type { Commands } from './commands.js';
import { type Forwarding, registerForwarding } from './doors/forward.js';
import { lagOf } from './lag.js';
import { logMetrics } from './log-metrics.js';
import type { Peers } from './peers.js';
import { parsePipeline } from './pipeline/parse.js';
import { verifyState } from './rebuild.js';
import type { Replays } from './replay/replays.js';
import type { ServiceName } from './service-names.js';
import { version } from './version.js';

export interface ConsoleOptions {
  readonly ports: Ports;
  readonly peers: Peers;
  readonly commands: Commands;
  readonly replays: Replays;
}

interface Owner {
  readonly prefix: string;
  readonly service: ServiceName;
  /** What the owner takes at most. */
  readonly mostBytes: number;
}

/** Which service owns the paths that begin so. */
const owners: readonly Owner[] = [
  { prefix: '/v1', service: 'ingestion', mostBytes: mostRequestBytes },
  { prefix: '/v2', service: 'serving', mostBytes: mostBodyBytes },
  { prefix: '/api/2.0', service: 'registry', mostBytes: 64 << 20 },
];

/** The people's door: page, REST and a read model; what it is told to do goes to the owners, and so do their paths. */
export function createConsole({ ports, peers, commands, replays }: ConsoleOptions): Assembly {
  const view = new ConsoleView(ports);
  const deps = {
    ports,
    view,
    ...commands,
    audit: () => audit(ports),
    verify: () => verifyState(ports),
    work: () => workOf(ports),
    parse: parsePipeline,
    replay: {
      start: (file: string, speed: number | null) => replays.start(file, { speed, turnShare: 0.1 }),
      status: () => replays.status(),
    },
    ingest: (pipeline: string, file: string, stream: string) =>
      ingestFile(ports, pipeline, file, () => undefined, { stream }),
    version,
  };
  const forwardings = owners
    .filter(({ service }) => !peers.runsHere(service))
    .map((owner): Forwarding => ({ ...owner, to: peers.httpOf(owner.service) }));
  return {
    parts: [view, logMetrics(ports)],
    route(app) {
      registerConsoleRoutes(app, deps);
      registerConsolePage(app, deps);
      if (forwardings.length > 0) registerForwarding(app, forwardings);
    },
  };
}

async function audit(ports: Ports) {
  const report = await auditLog({ ...ports, clock: ports.kernel.clock, folds: await allDeciders(ports) });
  for (const { invariant } of report.violations) ports.telemetry.metrics.violations.add({ invariant });
  return report;
}

/** What is left to do: as this process knows it, or from the checkpoints and the control log where others work too. */
export async function workOf(ports: Ports): Promise<Work> {
  const { activity, bus, catalog } = ports;
  if (!bus.features.sharedBetweenProcesses) return { behind: await activity.behind(bus), jobs: activity.jobs() };
  const lags = await lagOf(ports);
  return {
    behind: lags.reduce((sum, { records }) => sum + records, 0),
    jobs: catalog.names().filter((pipeline) => catalog.turn(pipeline) !== undefined).length,
  };
}
