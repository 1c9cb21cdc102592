import { RelearnError } from '@relearn/kernel';
import type { Position } from '../port.js';
import type { PartitionPosition } from './coordinator.js';

interface Pending {
  position: Position;
  readonly settled: { resolve(): void; reject(error: RelearnError): void }[];
}

/** Commits positions; answers whether it was possible for a partition, which may have moved meanwhile. */
export type SendCommits = (positions: readonly PartitionPosition[]) => Promise<(partition: number) => boolean>;

/** Positions to commit: of each partition the newest. One request at a time; what comes meanwhile goes together in the next. */
export class Commits {
  private readonly send: SendCommits;
  private waiting = new Map<string, Pending & Omit<PartitionPosition, 'position'>>();
  private running: Promise<void> | undefined;

  constructor(send: SendCommits) {
    this.send = send;
  }

  commit(topic: string, partition: number, position: Position): Promise<void> {
    return new Promise((resolve, reject) => {
      const key = `${topic}/${partition}`;
      const known = this.waiting.get(key);
      if (known !== undefined) {
        known.position = position;
        known.settled.push({ resolve, reject });
      } else {
        this.waiting.set(key, { topic, partition, position, settled: [{ resolve, reject }] });
      }
      this.running ??= this.run();
    });
  }

  private async run(): Promise<void> {
    await Promise.resolve();
    while (this.waiting.size > 0) {
      const sent = [...this.waiting.values()];
      this.waiting = new Map();
      try {
        const committed = await this.send(sent);
        for (const { partition, settled } of sent) {
          for (const { resolve, reject } of settled) {
            if (committed(partition)) resolve();
            else reject(new RelearnError('FENCED', `partition ${partition} was given to another member of its group`));
          }
        }
      } catch (thrown) {
        const error = RelearnError.from(thrown);
        for (const { settled } of sent) for (const { reject } of settled) reject(error);
      }
    }
    this.running = undefined;
  }
}
