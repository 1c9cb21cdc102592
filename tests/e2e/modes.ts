import { join } from 'node:path';
import type { AuditReport } from '@relearn/audit';
import type { Ports } from '@relearn/runtime';
import { inject } from 'vitest';
import type { EngineName } from '../brokers/engines.js';
import { openSharedPorts, sharedSettings } from './shared-engines.js';
import { type Processes, startProcesses } from './processes.js';
import { get } from './wire.js';
import { eventually, startWorld } from './world.js';

/** The platform as it runs in a mode, with what a test asks of it. */
export interface Deployment {
  /** The whole HTTP surface. */
  readonly url: string;
  /** Serving's gRPC. */
  readonly inferenceAddress: string;
  readonly ingestionAddress: string;
  /** To read the log, documents and blobs. */
  readonly ports: Ports;
  /** null: all is in the test's own process. */
  readonly processes: Processes | null;
  stop(): Promise<void>;
}

export interface Mode {
  readonly name: string;
  /** What it needs and the run does not have. */
  readonly lacks: readonly EngineName[];
  /** `folder` is a new one. */
  deploy(folder: string): Promise<Deployment>;
}

/** All services in one process, on a folder. */
export const embedded: Mode = {
  name: 'embedded, in one process',
  lacks: [],
  async deploy(folder) {
    const { platform, stop } = await startWorld({ folder: join(folder, 'data') });
    const { url, grpcAddress, ports } = platform;
    return {
      url,
      inferenceAddress: grpcAddress,
      ingestionAddress: grpcAddress,
      ports,
      processes: null,
      stop,
    };
  },
};

/** Each service and the console as a process of its own. */
export function distributed(bus: 'kafka' | 'nats'): Mode {
  const engines = inject('engines');
  return {
    name: `${bus} and mongodb, a process a service`,
    lacks: ([bus, 'mongodb'] as const).filter((engine) => engines[engine] === null),
    async deploy(folder) {
      const settings = sharedSettings(bus, folder);
      const processes = await startProcesses(settings);
      const reader = await openSharedPorts(settings);
      return {
        url: processes.url,
        inferenceAddress: processes.grpcAddressOf('serving'),
        ingestionAddress: processes.grpcAddressOf('ingestion'),
        ports: reader.ports,
        processes,
        async stop() {
          await reader.close();
          await processes.stop();
        },
      };
    },
  };
}

interface Status {
  readonly behind: number;
  readonly jobs: number;
  readonly replays?: readonly { readonly state: string }[];
}

/** Waits until the platform says that nothing is left to do. */
export async function atRest({ url }: Pick<Deployment, 'url'>, patience = {}): Promise<void> {
  await eventually(
    'rest',
    async () => {
      const { behind, jobs } = (await get(`${url}/api/v1/status`)).body as Status;
      return behind === 0 && jobs === 0;
    },
    patience,
  );
}

/** What the audit says of the whole log, once nothing is left to do. */
export async function audited(deployment: Deployment): Promise<AuditReport> {
  await atRest(deployment);
  return (await get(`${deployment.url}/api/v1/audit`)).body as AuditReport;
}
