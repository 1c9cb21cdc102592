import { publishClock } from '@relearn/ingestion';
import { RelearnError } from '@relearn/kernel';
import { clockCollection } from '@relearn/runtime';
import { pipelineName, start, type Story } from './scenario.js';
import type { Faults } from './faults.js';
import type { Scheduler } from './scheduler.js';
import type { Supervisor } from './supervisor.js';
import type { Durable, Running, ServiceName } from './system.js';

export interface ProducerOptions {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly durable: Durable;
  readonly supervisor: Supervisor;
  readonly story: Story;
  /** The same pipeline changed a little, applied half-way. */
  readonly changed: Story | null;
  /** Somebody asks for a retrain half-way. */
  readonly byHand: boolean;
}

/** What was promised to the outside. */
export interface Promised {
  /** `stream/id` of every record that was acknowledged. */
  readonly acknowledged: Set<string>;
  /** Retrains that a person asked for, and how many of these were answered. */
  retrains: { asked: number; answered: number };
  versions: number;
}

const patienceMs = 9_000;
/** A silent shard's time goes on with the others'. */
const markerEvery = 5;

/** The outside world: it applies the pipeline, sends data and tries again until it is answered. */
export class Producer {
  readonly promised: Promised = { acknowledged: new Set(), retrains: { asked: 0, answered: 0 }, versions: 0 };
  done = false;
  private readonly options: ProducerOptions;

  constructor(options: ProducerOptions) {
    this.options = options;
  }

  async run(): Promise<void> {
    const { story, changed, byHand, durable, scheduler } = this.options;
    const { shipments } = story;
    const patience = scheduler.pick([150, 700]);
    await durable.store.put(clockCollection, pipelineName, { now: start });
    await this.apply(story);
    const half = Math.floor(shipments.length * (0.3 + 0.5 * scheduler.random()));
    for (const [index, { stream, now, records }] of shipments.entries()) {
      await durable.store.put(clockCollection, pipelineName, { now });
      const { ids } = await this.untilAnswered('ingestion', `send ${stream}`, ({ door }) =>
        stream === 'rows'
          ? door.publish({ pipeline: pipelineName, records: records.map((values) => ({ values })) })
          : door.labels({ pipeline: pipelineName, records }),
      );
      for (const id of ids) this.promised.acknowledged.add(`${stream}/${id}`);
      if (index % markerEvery === markerEvery - 1) await this.mark(now);
      await this.pause(patience * scheduler.random());
      if (index === half && changed !== null) await this.apply(changed);
      if (index === half && byHand) await this.askByHand();
    }
    await durable.store.put(clockCollection, pipelineName, { now: story.end });
    await this.mark(story.end);
    this.done = true;
  }

  private async mark(now: number): Promise<void> {
    await this.untilAnswered('ingestion', 'marker', ({ ports }) => publishClock(ports, pipelineName, now));
  }

  private async apply({ spec, digest }: Story): Promise<void> {
    const { version } = await this.untilAnswered('registry', 'apply', ({ registry }) =>
      registry.apply(spec, digest, 'simulation'),
    );
    this.promised.versions = version;
  }

  /** Once: whether it came about is not known where the answer is lost. */
  private async askByHand(): Promise<void> {
    const { retrains } = this.promised;
    retrains.asked += 1;
    try {
      await this.request('monitoring', 'retrain', ({ monitoring }) =>
        monitoring.requestRetrain(pipelineName, 'simulation'),
      );
      retrains.answered += 1;
    } catch (thrown) {
      if (RelearnError.from(thrown).code === 'REFUSED') retrains.asked -= 1;
    }
  }

  private async untilAnswered<T>(
    service: ServiceName,
    what: string,
    ask: (running: Running) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      try {
        return await this.request(service, what, ask);
      } catch (thrown) {
        const error = RelearnError.from(thrown);
        // A process that has not yet read of the pipeline does not know it.
        if (!error.retryable && error.code !== 'NOT_FOUND') throw error;
        await this.pause(50 + 500 * this.options.scheduler.random());
      }
    }
  }

  /** One call over the network to some process of the service. */
  private request<T>(service: ServiceName, what: string, ask: (running: Running) => Promise<T>): Promise<T> {
    const { scheduler, supervisor, faults } = this.options;
    const running = supervisor.of(service);
    const away = (why: string) => new RelearnError('UNAVAILABLE', `${what}: ${why}`);
    return new Promise<T>((resolve, reject) => {
      if (running.length === 0) {
        scheduler.after(10, `${what}: nobody is there`, () => reject(away('nobody is there')));
        return;
      }
      const target = scheduler.pick(running);
      const lost = scheduler.chance(faults.present.rates.lost);
      if (lost) faults.count('rpc lost');
      const timeout = scheduler.after(patienceMs, `${what}: no answer`, () => reject(away('no answer')));
      const hear = (settle: () => void) => {
        if (!lost) scheduler.after(faults.delay(), `answer to ${what}`, settle);
      };
      target.process.atCrash(() => hear(() => reject(away('the connection broke'))));
      target.process.later(faults.delay(), what, () => {
        ask(target).then(
          (value) => hear(() => settle(() => resolve(value))),
          (thrown: unknown) => hear(() => settle(() => reject(thrown))),
        );
      });
      const settle = (end: () => void) => {
        timeout.run = null;
        end();
      };
    });
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.options.scheduler.after(ms, 'the producer waits', resolve));
  }
}
