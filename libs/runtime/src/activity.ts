import type { Bus } from '@relearn/bus';
import { type Topic, topicNames } from '@relearn/contracts';
import type { Clock } from '@relearn/kernel';

/** What a consumer tells of itself, so that others can wait until all work is done. */
export interface Worker {
  /** The position below which everything is done, by topic; undefined: does not read the partition. */
  doneBelow(topic: Topic, partition: number): number | undefined;
  busy(): boolean;
}

/** Knows who works in this process, and when nobody has anything left to do. */
export class Activity {
  private readonly workers = new Set<Worker>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  join(worker: Worker): () => void {
    this.workers.add(worker);
    return () => this.workers.delete(worker);
  }

  /** Resolves when every consumer stands at the end of each topic that it reads and no job runs. */
  async idle(bus: Bus, signal?: AbortSignal): Promise<void> {
    let calm = 0;
    while (calm < 2 && !signal?.aborted) {
      calm = (await this.behind(bus)) === 0 ? calm + 1 : 0;
      if (calm < 2) await this.clock.sleep(calm === 0 ? 1 : 0, signal);
    }
  }

  /** Records that consumers of this process have not done yet, summed; busy workers count as one each. */
  async behind(bus: Bus): Promise<number> {
    const busy = () => [...this.workers].filter((worker) => worker.busy()).length;
    if (busy() > 0) return busy();
    let records = 0;
    const ends = await Promise.all(topicNames.map(async (topic) => ({ topic, bounds: await bus.bounds(topic) })));
    for (const { topic, bounds } of ends) {
      bounds.forEach(({ first, end }, partition) => {
        for (const worker of this.workers) {
          const done = worker.doneBelow(topic, partition);
          if (done !== undefined) records += Math.max(0, end - Math.max(done, first));
        }
      });
    }
    return records + busy();
  }
}
