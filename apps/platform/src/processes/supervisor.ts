import cluster, { type Worker } from 'node:cluster';
import { type Clock, systemClock } from '@relearn/kernel';
import { type Figures, JointMetrics, type Rendered, type Telemetry } from '@relearn/telemetry';
import type { Config } from '../config/config.js';
import type { Stand, StandOfProcess } from '../doors/probes.js';
import { holdFolder } from '../hold-folder.js';
import { type Doors, Line, type Question } from './line.js';
import { channelOf, indexVariable, siblingsVariable } from './member.js';
import { type Child, type Ending, Supervision } from './supervision.js';

export interface SupervisorOptions {
  readonly config: Config;
  readonly telemetry: Telemetry;
  /** Resolves when all is to end. */
  readonly interrupted: Promise<void>;
  /** Hears once where requests are answered. */
  readonly onServes: (at: Doors) => void;
}

/** A child that does not answer sooner is not ready, and its figures are those that it told last. */
const standWithinMs = 500;
const metricsWithinMs = 2_000;
/** Who says nothing for so long, again and again, is ended. */
const hangsAfterMs = 5_000;

interface Forked extends Child {
  readonly process: Worker['process'];
  readonly line: Line;
}

/**
 * Keeps processes that do what this one was started for, behind the same doors: each connection goes to one of them in turn.
 * This one runs no service. Resolves with the exit code when all have ended. Throws UNAVAILABLE where another has the folder.
 */
export async function supervise(options: SupervisorOptions): Promise<number> {
  const { config, telemetry, interrupted } = options;
  const release = await holdFolder(config.data);
  const supervisor = new Supervisor(options, systemClock);
  const { supervision } = supervisor;
  void interrupted.then(() => supervision.stop());
  // A second interrupt ends this process at once, and all with it.
  const killAll = () => {
    for (const child of supervision.running.values()) child.process.kill('SIGKILL');
  };
  process.once('exit', killAll);
  try {
    telemetry.log.info({ processes: config.processes }, 'starts processes that share the doors');
    return await supervision.run();
  } finally {
    process.off('exit', killAll);
    await release();
  }
}

class Supervisor {
  readonly supervision: Supervision<Forked>;
  private readonly options: SupervisorOptions;
  private readonly clock: Clock;
  private readonly joint = new JointMetrics();
  private told = false;

  constructor(options: SupervisorOptions, clock: Clock) {
    this.options = options;
    this.clock = clock;
    cluster.schedulingPolicy = cluster.SCHED_RR;
    // Unlike JSON it keeps numbers that are none.
    cluster.setupPrimary({ serialization: 'advanced' });
    const { config, telemetry } = options;
    const fork = (index: number, siblingsServe: boolean) => this.fork(index, siblingsServe);
    this.supervision = new Supervision({ processes: config.processes, clock, log: telemetry.log, fork });
  }

  private fork(index: number, siblingsServe: boolean): Forked {
    const worker = cluster.fork({ [indexVariable]: index, [siblingsVariable]: siblingsServe ? 'serve' : 'none' });
    let serves: () => void;
    const serving = new Promise<void>((resolve) => {
      serves = resolve;
    });
    const line = new Line({
      channel: channelOf(worker),
      clock: this.clock,
      answer: (question) => this.answer(question),
      onServes: (at) => {
        serves();
        if (!this.told) this.options.onServes(at);
        this.told = true;
      },
    });
    const ended = endOf(worker);
    void ended.then(() => this.joint.ended(String(index)));
    return {
      process: worker.process,
      line,
      serving,
      ended,
      answers: () =>
        line.ask({ about: 'standing' }, hangsAfterMs).then(
          () => true,
          () => false,
        ),
      stop: () => void worker.process.kill('SIGTERM'),
      kill: () => void worker.process.kill('SIGKILL'),
    };
  }

  private answer(question: Question): Promise<unknown> {
    return question.about === 'standing' ? this.stand() : this.metrics(question.accept);
  }

  private stand(): Promise<StandOfProcess[]> {
    const all = [...this.supervision.running].map(async ([index, { process, line }]) => {
      const silent: Stand = { ready: false, missing: [] };
      const stand = await line.ask<Stand>({ about: 'standing' }, standWithinMs).catch(() => silent);
      return { process: index, pid: process.pid ?? 0, ...stand };
    });
    return Promise.all(all);
  }

  private async metrics(accept: string): Promise<Rendered> {
    const { metrics, log } = this.options.telemetry;
    this.joint.told('supervisor', await metrics.figures('supervisor'));
    const all = [...this.supervision.running].map(async ([index, child]) => {
      try {
        const figures = await child.line.ask<Figures>({ about: 'metrics', accept }, metricsWithinMs);
        if (this.supervision.running.get(index) === child) this.joint.told(String(index), figures);
      } catch (thrown) {
        log.debug({ process: index, err: thrown }, 'its figures are those that it told last');
      }
    });
    await Promise.all(all);
    return this.joint.render(accept);
  }
}

function endOf(worker: Worker): Promise<Ending> {
  return new Promise((resolve) => {
    worker.once('exit', (code, signal) => resolve({ code: code ?? null, signal: signal ?? null }));
    // It could not even be forked.
    worker.once('error', () => resolve({ code: null, signal: null }));
  });
}
