import { RelearnError } from '@relearn/kernel';
import type { Ports } from '../ports.js';
import type { JobKind, JobResult, JobOrder } from './definition.js';
import { Lease } from './lease.js';
import { patientPorts } from './patient-ports.js';

type Finish = (aggregate: string, job: JobOrder, result: JobResult) => Promise<void>;

/** Publishes what the aggregate's document holds and says whether it still waits for the job, by what the store says now. */
type StillDue = (aggregate: string, job: JobOrder) => Promise<boolean>;

/** Tries of a job whose failure may mend itself, such as the death of a worker, before it counts as failed. */
const tries = 3;

export interface JobCallbacks {
  readonly finish: Finish;
  readonly stillDue: StillDue;
}

/** Runs an aggregate's jobs under leases. A result is taken only while the lease's fence is in force. */
export class JobRunner {
  private readonly ports: Ports;
  private readonly service: string;
  private readonly kinds: Readonly<Record<string, JobKind>>;
  private readonly finish: Finish;
  private readonly stillDue: StillDue;
  private readonly active = new Map<string, { aggregate: string; abort: AbortController; done: Promise<void> }>();
  private stopping = false;

  constructor(ports: Ports, service: string, kinds: Readonly<Record<string, JobKind>>, callbacks: JobCallbacks) {
    this.ports = ports;
    this.service = service;
    this.kinds = kinds;
    this.finish = callbacks.finish;
    this.stillDue = callbacks.stillDue;
  }

  /** Makes the aggregate's running jobs those that its state waits for. */
  keep(aggregate: string, jobs: readonly JobOrder[]): void {
    const wanted = new Set(jobs.map((job) => job.id));
    for (const [id, running] of this.active) {
      if (running.aggregate === aggregate && !wanted.has(id)) running.abort.abort();
    }
    for (const job of jobs) {
      if (this.active.has(job.id)) continue;
      const abort = new AbortController();
      const done = this.run(aggregate, job, abort.signal).finally(() => this.active.delete(job.id));
      this.active.set(job.id, { aggregate, abort, done });
    }
  }

  /** Aggregates whose jobs run here. */
  aggregates(): ReadonlySet<string> {
    return new Set([...this.active.values()].map(({ aggregate }) => aggregate));
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const all = [...this.active.values()];
    for (const { abort } of all) abort.abort();
    await Promise.all(all.map(({ done }) => done));
  }

  /** Until the job has ended, whoever ended it, or is not wanted any more. */
  private async run(aggregate: string, job: JobOrder, signal: AbortSignal): Promise<void> {
    const { kernel, telemetry, activity } = this.ports;
    const name = `${this.service}/${job.id}`;
    let running = activity.jobRuns(name);
    for (let due = true, attempt = 0; due && !signal.aborted; attempt++) {
      try {
        due = attempt === 0 || (await this.stillDue(aggregate, job));
        if (due) due = !(await this.runLeased(aggregate, job, signal, () => running.ended(signal)));
      } catch (thrown) {
        const error = RelearnError.from(thrown);
        telemetry.log.error({ service: this.service, job: job.id, code: error.code }, `job again: ${error.describe()}`);
        running.done();
        running = activity.jobRuns(name);
        await kernel.clock.sleep((200 + kernel.chance.next() * 200) * Math.min(attempt + 1, 25), signal);
      }
    }
    running.done();
  }

  /** True when the result has been taken or nobody wants it any more. Throws FENCED when another owner has taken the lease. */
  private async runLeased(
    aggregate: string,
    job: JobOrder,
    signal: AbortSignal,
    mayFinish: () => Promise<void>,
  ): Promise<boolean> {
    const { kernel, store, bus, instance } = this.ports;
    const exclusive = !bus.features.sharedBetweenProcesses;
    const options = { store, clock: kernel.clock, owner: instance, exclusive };
    const lease = await Lease.acquire(options, `${this.service}/${job.id}`, signal);
    if (lease === null) return true;
    let ended = false;
    try {
      // Whoever had the lease before may have ended the job.
      if (!exclusive && !(await this.stillDue(aggregate, job))) return (ended = true);
      const result = await this.attempt(job, AbortSignal.any([signal, lease.lostSignal]));
      if (result !== null) await mayFinish();
      kernel.failpoints.hit(`${this.service}:after-job`);
      if (signal.aborted) {
        ended = !this.stopping;
        return true;
      }
      await lease.check();
      if (result === null) return false;
      await this.finish(aggregate, job, result);
      return (ended = true);
    } finally {
      await lease.release(ended);
    }
  }

  /** Null when the job was cancelled or its lease lost. */
  private async attempt(job: JobOrder, signal: AbortSignal): Promise<JobResult | null> {
    const kind = this.kinds[job.kind];
    if (kind === undefined) return { ok: false, code: 'UNIMPLEMENTED', message: `no job of kind ${job.kind}` };
    const { kernel, telemetry } = this.ports;
    const progress = (figures: Readonly<Record<string, unknown>>) => {
      telemetry.log.debug({ service: this.service, job: job.id, ...figures }, 'progress');
    };
    const started = kernel.clock.now();
    const took = (outcome: string) =>
      telemetry.metrics.jobs.observe(
        { kind: `${this.service}/${job.kind}`, outcome },
        (kernel.clock.now() - started) / 1000,
      );
    const ports = patientPorts(this.ports, this.service, signal);
    const work = () => kind.run(job.input, { ports, signal, progress });
    for (let attempt = 1; ; attempt++) {
      try {
        const value = await telemetry.span(`job ${this.service}/${job.kind}`, { parent: job.cause.traceparent }, work);
        took('done');
        return { ok: true, value };
      } catch (thrown) {
        if (signal.aborted) return null;
        const error = RelearnError.from(thrown);
        telemetry.log.warn({ service: this.service, job: job.id, code: error.code, attempt }, error.describe());
        if (error.retryable && attempt < tries) {
          await kernel.clock.sleep(100 * 2 ** attempt, signal);
          continue;
        }
        took('failed');
        return { ok: false, code: error.code, message: error.describe() };
      }
    }
  }
}
