import type { ReplayStatus } from '@relearn/console';
import { RelearnError } from '@relearn/kernel';
import type { Ports } from '@relearn/runtime';
import type { Services } from '../services.js';
import { Replay, type ReplayOptions } from './replay.js';

/** The replays of this process, by pipeline. */
export class Replays {
  private readonly ports: Ports;
  private readonly services: Pick<Services, 'registry'>;
  private readonly byPipeline = new Map<string, Replay>();

  constructor(ports: Ports, services: Pick<Services, 'registry'>) {
    this.ports = ports;
    this.services = services;
  }

  /** Throws what the file is wrong with, and REFUSED while its pipeline is being replayed already. */
  async start(file: string, options: ReplayOptions): Promise<ReplayStatus> {
    const replay = await Replay.start(this.ports, this.services, file, options);
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
