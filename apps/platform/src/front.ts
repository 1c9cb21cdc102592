import { join } from 'node:path';
import type { ReadTrust } from '@relearn/bundles';
import type { Kernel } from '@relearn/kernel';
import type { RpcServer } from '@relearn/rpc';
import type { DataPlane, FullPolicy, PredictionSpool, ServingFront } from '@relearn/serving';
import type { Telemetry } from '@relearn/telemetry';
import { version } from './version.js';

/** What answers requests, with the files of this process that it needs. */
export interface Front {
  readonly front: ServingFront;
  readonly spool: PredictionSpool;
  readonly plane: DataPlane;
  /** Where its gRPC service is offered already, and requests are answered. */
  readonly offeredAt?: RpcServer;
}

export interface FrontOptions {
  readonly data: string;
  /** Whether bundles in force are kept there. */
  readonly cached: boolean;
  readonly whenFull: FullPolicy;
  /** How many serving processes share the machine. */
  readonly processes: number;
  /** Whose bundles are loaded; absent: anybody's. */
  readonly trust?: ReadTrust | undefined;
}

/** Makes it over the process's own folder: the spool of its answers and the bundles in force. Nothing is started yet. */
export async function makeFront(kernel: Kernel, telemetry: Telemetry, options: FrontOptions): Promise<Front> {
  const { data, cached, whenFull, processes, trust } = options;
  const { BundleCache, DataPlane, PredictionSpool, ServingFront } = await import('@relearn/serving');
  const spool = new PredictionSpool({ kernel, telemetry }, { folder: join(data, 'spool'), whenFull });
  const front = new ServingFront(
    { kernel, telemetry },
    {
      log: spool.log,
      processes,
      ...(cached ? { cache: new BundleCache(...(await cacheIn(data)), telemetry) } : {}),
      trust,
    },
  );
  return { front, spool, plane: new DataPlane(front.host, kernel, version, telemetry) };
}

async function cacheIn(data: string) {
  const { openFolderBlobs } = await import('@relearn/blobs/folder');
  const folder = join(data, 'bundles');
  return [folder, await openFolderBlobs(join(folder, 'blobs'), { durable: true })] as const;
}
