import type { RegistryDoor, ReplayStatus } from '@relearn/console';
import { RelearnError } from '@relearn/kernel';
import type { Ports } from '@relearn/runtime';
import { openReplaySource, Replay, type ReplayOptions, type ReplaySource } from './replay.js';

/** The replays of this process, by pipeline. */
export class Replays {
  private readonly ports: Ports;
  private readonly registry: Pick<RegistryDoor, 'apply'>;
  private readonly byPipeline = new Map<string, Replay>();

  constructor(ports: Ports, registry: Pick<RegistryDoor, 'apply'>) {
    this.ports = ports;
    this.registry = registry;
  }

  /** Of a file, or of one that is open already. Throws what it is wrong with, and REFUSED while its pipeline is being replayed. */
  async start(from: string | ReplaySource, options: ReplayOptions): Promise<ReplayStatus> {
    const source = typeof from === 'string' ? await openReplaySource(from) : from;
    const replay = await Replay.start(this.ports, this.registry, source, options);
    const { pipeline } = replay.status();
    const before = this.byPipeline.get(pipeline)?.status().state;
    if (before === 'history' || before === 'replaying') {
      await replay.stop();
      throw new RelearnError('REFUSED', `${pipeline} is being replayed already`);
    }
    this.byPipeline.set(pipeline, replay);
    return replay.status();
  }

  status(): readonly ReplayStatus[] {
    return [...this.byPipeline.values()].map((replay) => replay.status());
  }

  async stop(): Promise<void> {
    await Promise.all([...this.byPipeline.values()].map((replay) => replay.stop()));
  }
}
