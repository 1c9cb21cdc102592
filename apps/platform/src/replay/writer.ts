import type { ReplayStatus } from '@relearn/console';
import { type IngestResult, ingestFile } from '@relearn/ingestion';
import { type Kernel, RelearnError } from '@relearn/kernel';
import { Lease, type Ports } from '@relearn/runtime';
import type { Telemetry } from '@relearn/telemetry';
import { type Commands, commandsOver } from '../commands.js';
import type { Config } from '../config/config.js';
import { openPorts } from '../open-ports.js';
import { Peers } from '../peers.js';
import { Standing } from '../standing.js';
import { openReplaySource, Replay, type ReplayOptions } from './replay.js';

export interface WriterOptions {
  readonly config: Config;
  readonly kernel: Kernel;
  readonly telemetry: Telemetry;
  /** Ends all waiting, and a replay that runs. */
  readonly signal: AbortSignal;
}

/**
 * A process without services that writes files of its own to engines that others work on: where the console's process
 * cannot read them.
 */
export class Writer {
  private readonly ports: Ports;
  private readonly commands: Commands;
  private readonly standing: Standing;
  private readonly signal: AbortSignal;
  private readonly closers: (() => Promise<void>)[];

  private constructor(
    ports: Ports,
    commands: Commands,
    standing: Standing,
    signal: AbortSignal,
    closers: (() => Promise<void>)[],
  ) {
    this.ports = ports;
    this.commands = commands;
    this.standing = standing;
    this.signal = signal;
    this.closers = closers;
  }

  /** Waits until the engines are there. Throws INVALID_CONFIG where they belong to one process. */
  static async open({ config, kernel, telemetry, signal }: WriterOptions): Promise<Writer> {
    const { engines, partitions, env, addresses } = config;
    if (engines.kind === 'embedded') {
      throw new RelearnError('INVALID_CONFIG', 'the embedded engines belong to the process that serves', {
        place: { field: 'RELEARN_BUS' },
      });
    }
    const standing = new Standing(kernel, telemetry.log);
    const base = { kernel, telemetry, partitions, durable: true, holdResults: false, onFailure: () => undefined };
    const { ports, close } = await openPorts({ ...base, engines, env, standing, signal });
    const peers = new Peers(kernel.clock, [], addresses);
    const commands = commandsOver(peers, ports.catalog, kernel.clock);
    return new Writer(ports, commands, standing, signal, [close, () => peers.close()]);
  }

  /**
   * Applies the file and replays its data to the end, or until the signal: waits while another process replays the same
   * pipeline. Throws what the file is wrong with, REFUSED where the pipeline was replayed from other data before.
   */
  async replay(file: string, options: ReplayOptions, told: (status: ReplayStatus) => void): Promise<ReplayStatus> {
    const { kernel, store, instance } = this.ports;
    const source = await openReplaySource(file);
    const { spec } = source.pipeline;
    const leases = { store, clock: kernel.clock, owner: instance, exclusive: false };
    const lease = await Lease.acquire(leases, `replay/${spec.name}`, this.signal);
    if (lease === null) throw new RelearnError('CANCELLED', `stopped while ${spec.name} is replayed elsewhere`);
    const stopped = AbortSignal.any([this.signal, lease.lostSignal]);
    try {
      const begin = () => Replay.start(this.ports, this.commands.registry, source, options);
      const replay = await this.standing.until('registry', begin, stopped);
      while (!stopped.aborted && ['history', 'replaying'].includes(replay.status().state)) {
        told(replay.status());
        await kernel.clock.sleep(500, stopped);
      }
      await replay.stop();
      if (lease.lostSignal.aborted) throw new RelearnError('FENCED', `${spec.name} is replayed by another process now`);
      return replay.status();
    } finally {
      // It may be replayed again: the fence goes on.
      await lease.release(false);
    }
  }

  /** Writes a data file to a stream of a pipeline; written twice it is taken once. */
  ingest(pipeline: string, file: string, stream: string): Promise<IngestResult> {
    return ingestFile(this.ports, pipeline, file, () => undefined, { stream, signal: this.signal });
  }

  async close(): Promise<void> {
    for (const closer of this.closers.toReversed()) await closer();
  }
}
