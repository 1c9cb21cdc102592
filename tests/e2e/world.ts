import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditReport } from '@relearn/audit';
import type { RelearnError } from '@relearn/kernel';
import { type Platform, readConfig, serviceNames, startPlatform } from '@relearn/platform';
import { type Ports, readCheckpoint } from '@relearn/runtime';
import { silentTelemetry, startTelemetry } from '@relearn/telemetry';

/** The embedded platform on free ports, with what a test asks of it. */
export interface World {
  readonly platform: Platform;
  readonly folder: string;
  /** What the storage said when it failed for good. */
  readonly failures: readonly RelearnError[];
  stop(): Promise<void>;
}

export interface WorldOptions {
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
}

export const partitions = '4';

/** Starts every service on the folder. `RELEARN_E2E_LOG=info` shows the log. */
export async function startWorld({ folder, env = {} }: WorldOptions): Promise<World> {
  const failures: RelearnError[] = [];
  const platform = await startPlatform({
    config: readConfig({
      RELEARN_DATA: folder,
      RELEARN_HTTP: '127.0.0.1:0',
      RELEARN_GRPC: '127.0.0.1:0',
      RELEARN_PARTITIONS: partitions,
      ...env,
    }),
    telemetry: await telemetryOfTests(),
    services: serviceNames,
    onFailure: (error) => failures.push(error),
  });
  return { platform, folder, failures, stop: () => platform.stop() };
}

async function telemetryOfTests() {
  const level = process.env['RELEARN_E2E_LOG'];
  return level === undefined ? silentTelemetry() : await startTelemetry({ service: 'e2e', level: level as 'info' });
}

/** A new folder, and how to remove it. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'relearn-e2e-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Asks until there is an answer other than undefined and false. Throws, naming what was waited for, when the time is over. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = 45_000, everyMs = 15 } = {},
): Promise<T> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > until) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Waits until a model of the pipeline answers requests. */
export async function modelServed({ platform }: World, pipeline: string): Promise<void> {
  const ready = `${platform.url}/v2/models/${pipeline}/ready`;
  await eventually(`a model of ${pipeline}`, async () => (await fetch(ready)).status === 200);
}

/** Waits until every replay has come to its end. */
export async function replaysDone({ platform }: World): Promise<void> {
  await eventually('the end of the replays', () => platform.replays.status().every(({ state }) => state === 'done'));
}

/** Waits until nothing is left to do, then lets the platform audit its whole log. */
export async function auditAtRest({ platform }: World): Promise<AuditReport> {
  const { ports, url } = platform;
  await eventually('the end of all jobs', () => ports.activity.jobs() === 0);
  await ports.activity.idle(ports.bus);
  const response = await fetch(`${url}/api/v1/audit`);
  return (await response.json()) as AuditReport;
}

/** Validation's counts of a pipeline over all shards. */
export function countsOf({ platform }: World, pipeline: string): Promise<Record<string, number>> {
  return countsIn(platform.ports, pipeline);
}

export async function countsIn(
  { store, partitions }: Pick<Ports, 'store' | 'partitions'>,
  pipeline: string,
): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (let partition = 0; partition < partitions; partition++) {
    const counts = (await readCheckpoint(store, 'validation', partition))?.counts[pipeline] ?? {};
    for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}
