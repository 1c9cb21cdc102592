import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RelearnError } from '@relearn/kernel';
import type { Config, Platform, ServiceName } from '@relearn/platform';
import type { Doors, Member } from '@relearn/platform/processes';
import type { Action } from '../command.js';
import { type ExitCode, exitCodes } from '../exit.js';
import { loadPlatform, loadProcesses } from '../platform.js';
import type { Terminal } from '../terminal.js';
import { narrate } from './narration.js';
import { telemetryFor } from './telemetry.js';
import { positive } from './writing.js';

/** The example that comes with the product. */
const example = fileURLToPath(new URL('../../../../examples/flights/pipeline.yaml', import.meta.url));

/** All services in this process, until it is interrupted. */
export function up(action: Action): Promise<ExitCode> {
  return serve(action, ['all']);
}

/** Some services, or `all`. */
export async function serve(action: Action, names: readonly string[]): Promise<ExitCode> {
  const { serviceNames, readConfig, inSeveralProcesses, memberOf } = await loadProcesses();
  const { terminal } = action;
  const services = servicesOf(names, serviceNames);
  const member = memberOf(terminal.env);
  if (member !== undefined) {
    return whileServing(terminal, services, {}, async () => undefined, member).finally(() => member.leave());
  }
  if (inSeveralProcesses(readConfig(terminal.env), services)) return whileSupervising(action);
  return whileServing(terminal, services, {}, async (platform) => tellAddresses(action, platform));
}

/** Keeps the processes that serve until this one is interrupted. */
async function whileSupervising(action: Action): Promise<ExitCode> {
  const { terminal } = action;
  const { readConfig, supervise } = await loadProcesses();
  const config = readConfig(terminal.env);
  const telemetry = await telemetryFor(terminal, config);
  try {
    const onServes = (at: Doors) => tellAddresses(action, at);
    const code = await supervise({ config, telemetry, interrupted: terminal.interrupted(), onServes });
    return Object.values(exitCodes).find((known) => known === code) ?? exitCodes.failed;
  } finally {
    await telemetry.stop();
  }
}

export interface StartOptions {
  readonly file?: string;
  readonly speed?: string;
  readonly turnShare: string;
}

/** All services, and the replay of the bundled example, or of another file. */
export async function start(action: Action, _args: readonly string[], options: StartOptions): Promise<ExitCode> {
  const { serviceNames, openReplaySource } = await loadPlatform();
  const { terminal, json } = action;
  const file = options.file === undefined ? example : resolve(terminal.folder, options.file);
  const speed = options.speed === undefined ? null : positive('--speed', options.speed);
  const turnShare = positive('--turn-share', options.turnShare);
  // What is wrong with it or its data is told before there is a data folder.
  const source = await openReplaySource(file);
  const quiet = { logLevel: terminal.env['RELEARN_LOG'] ?? 'warn' };
  return whileServing(terminal, serviceNames, quiet, async (platform) => {
    tellAddresses(action, platform);
    const silence = narrate(terminal, json, platform);
    try {
      await platform.replays.start(source, { speed, turnShare });
    } catch (thrown) {
      silence();
      throw thrown;
    }
    return silence;
  });
}

function servicesOf(names: readonly string[], known: readonly ServiceName[]): readonly ServiceName[] {
  if (names.includes('all')) return known;
  const unknown = names.find((name) => !known.some((one) => one === name));
  if (unknown === undefined) return known.filter((name) => names.includes(name));
  throw new RelearnError('INVALID_INPUT', `there is no service '${unknown}'`, {
    remedy: `Give some of ${known.join(', ')}, or all.`,
  });
}

function tellAddresses({ print }: Action, { url, grpcAddress }: Doors): void {
  print({ url, grpc: grpcAddress }, `Console and REST   ${url}\ngRPC               ${grpcAddress}`);
}

type Running = (platform: Platform) => Promise<(() => void) | void>;

/** Starts the platform, does what is asked, and waits for an interrupt; failures of the storage end it, too. */
async function whileServing(
  terminal: Terminal,
  services: readonly ServiceName[],
  overrides: Partial<Config>,
  run: Running,
  member?: Member,
): Promise<ExitCode> {
  const { readConfig, startPlatform } = await loadPlatform();
  const config = { ...readConfig(terminal.env), ...overrides };
  const telemetry = await telemetryFor(terminal, config, member?.index);
  const interrupted = (member ?? terminal).interrupted();
  let fail: (error: RelearnError) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  const giveUp = new AbortController();
  void interrupted.then(() => giveUp.abort());
  try {
    const platform = await startPlatform({
      config,
      telemetry,
      services,
      member,
      onFailure: fail,
      signal: giveUp.signal,
    });
    try {
      const end = await run(platform);
      await Promise.race([interrupted, failed]);
      end?.();
    } finally {
      await platform.stop();
    }
    return exitCodes.done;
  } catch (thrown) {
    // Who is told to end while it starts has done what was asked.
    if (giveUp.signal.aborted && RelearnError.from(thrown).code === 'CANCELLED') return exitCodes.done;
    throw thrown;
  } finally {
    await telemetry.stop();
  }
}
