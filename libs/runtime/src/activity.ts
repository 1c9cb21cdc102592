import type { Bus } from '@relearn/bus';
import { type Topic, topicNames } from '@relearn/contracts';
import type { Clock } from '@relearn/kernel';

/** What a consumer tells of itself, so that others can wait until all work is done. */
export interface Worker {
  /** The position below which everything is done, by topic; undefined: does not read the partition. */
  doneBelow(topic: Topic, partition: number): number | undefined;
  busy(): boolean;
}

interface HeldJob {
  readonly id: string;
  readonly go: () => void;
}

/** Knows who works in this process, and when nobody has anything left to do. */
export class Activity {
  private readonly workers = new Set<Worker>();
  private readonly clock: Clock;
  private readonly holdResults: boolean;
  private readonly runningJobs = new Set<string>();
  private heldJobs: HeldJob[] = [];
  private finishingJobs = 0;

  /** `holdResults`: a job's result waits until `releaseNext` takes it, so that the order of results does not depend on speed. */
  constructor(clock: Clock, holdResults = false) {
    this.clock = clock;
    this.holdResults = holdResults;
  }

  /** A job says that it runs. `ended` resolves when its result may be taken or the signal aborts, `done` says that it has been. */
  jobRuns(id: string): { ended(signal: AbortSignal): Promise<void>; done(): void } {
    this.runningJobs.add(id);
    let finishing = false;
    const go = () => {
      finishing = true;
      this.finishingJobs += 1;
    };
    return {
      ended: (signal) => {
        this.runningJobs.delete(id);
        if (!this.holdResults) return Promise.resolve(go());
        return this.held(id, go, signal);
      },
      done: () => {
        this.runningJobs.delete(id);
        if (finishing) this.finishingJobs -= 1;
      },
    };
  }

  private held(id: string, go: () => void, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const giveUp = () => {
        this.heldJobs = this.heldJobs.filter((other) => other !== held);
        resolve();
      };
      const held: HeldJob = {
        id,
        go: () => {
          signal.removeEventListener('abort', giveUp);
          resolve(go());
        },
      };
      this.heldJobs.push(held);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** Waits until all running jobs have ended, then lets the one with the lowest id go on; false when there was none. */
  async releaseNext(): Promise<boolean> {
    while (this.runningJobs.size > 0) await this.clock.sleep(2);
    this.heldJobs.sort((a, b) => (a.id < b.id ? -1 : 1));
    const next = this.heldJobs.shift();
    next?.go();
    return next !== undefined;
  }

  /** Jobs that run or whose results wait. */
  jobs(): number {
    return this.runningJobs.size + this.heldJobs.length + this.finishingJobs;
  }

  join(worker: Worker): () => void {
    this.workers.add(worker);
    return () => this.workers.delete(worker);
  }

  /** Resolves when every consumer stands at the end of each topic that it reads and has nothing in hand. Jobs may run. */
  async idle(bus: Bus, signal?: AbortSignal): Promise<void> {
    // Twice with the same ends: between two looks nothing was published, so nobody can have had anything to work on.
    let calmAt: string | null = null;
    while (!signal?.aborted) {
      const { records, ends } = await this.look(bus);
      if (records === 0 && ends === calmAt) return;
      calmAt = records === 0 ? ends : null;
      await this.clock.sleep(records === 0 ? 0 : 1, signal);
    }
  }

  /** Records that consumers of this process have not done yet, summed; busy workers count as one each. */
  async behind(bus: Bus): Promise<number> {
    return (await this.look(bus)).records;
  }

  /** What is left to do, and where the topics ended at that time. */
  private async look(bus: Bus): Promise<{ records: number; ends: string }> {
    const busy = () => this.finishingJobs + [...this.workers].filter((worker) => worker.busy()).length;
    if (busy() > 0) return { records: busy(), ends: '' };
    let records = 0;
    const all = await Promise.all(topicNames.map(async (topic) => ({ topic, bounds: await bus.bounds(topic) })));
    for (const { topic, bounds } of all) {
      bounds.forEach(({ first, end }, partition) => {
        for (const worker of this.workers) {
          const done = worker.doneBelow(topic, partition);
          if (done !== undefined) records += Math.max(0, end - Math.max(done, first));
        }
      });
    }
    const ends = all.map(({ bounds }) => bounds.map(({ end }) => end).join()).join(';');
    return { records: records + busy(), ends };
  }
}
