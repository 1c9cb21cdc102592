import cluster, { type Worker } from 'node:cluster';
import { type Clock, RelearnError, systemClock } from '@relearn/kernel';
import type { Rendered } from '@relearn/telemetry';
import type { Environment } from '../config/settings.js';
import type { Probed, Stand, StandOfProcess } from '../doors/probes.js';
import type { Health } from '../health.js';
import { type Channel, type Doors, Line, type Question } from './line.js';

/** How a forked process is told which it is. */
export const indexVariable = 'RELEARN_PROCESS';
export const siblingsVariable = 'RELEARN_PROCESS_SIBLINGS';

/** Less than a probe of Kubernetes waits for, which is one second. */
const standWithinMs = 700;
const metricsWithinMs = 5_000;

/** A process of several behind the same doors, as it sees itself and its siblings. */
export class Member implements Probed {
  readonly index: number;
  /** Whether others answer requests already: then the doors stay closed until this one does, too. */
  readonly siblingsServe: boolean;
  private readonly line: Line;
  private readonly abandoned: Promise<void>;
  private own: Health | undefined;

  constructor(worker: Worker, index: number, siblingsServe: boolean, clock: Clock) {
    this.index = index;
    this.siblingsServe = siblingsServe;
    this.line = new Line({ channel: channelOf(process), clock, answer: (question) => this.answer(question) });
    // Without it node:cluster ends this process at once when the supervisor has gone, and nothing is drained.
    worker.exitedAfterDisconnect = true;
    this.abandoned = new Promise((resolve) => process.once('disconnect', () => resolve()));
  }

  /** From now on it answers what it is asked about itself. */
  speaksFor(own: Health): void {
    this.own = own;
  }

  /** Requests are answered here from now on. */
  serves(at: Doors): void {
    this.line.serves(at);
  }

  /** How all stand; where nobody can tell, how this one does. Ready is the whole as long as one is. */
  async stand(): Promise<Stand> {
    try {
      const processes = await this.line.ask<readonly StandOfProcess[]>({ about: 'standing' }, standWithinMs);
      const missing = processes.find((one) => one.missing.length > 0)?.missing ?? [];
      return { ready: processes.some(({ ready }) => ready), missing, processes };
    } catch {
      return await this.ownStand();
    }
  }

  /** What all count together. */
  metrics(accept: string): Promise<Rendered> {
    return this.line.ask({ about: 'metrics', accept }, metricsWithinMs);
  }

  /** Resolves when the supervisor wants this process to end, or has gone. Interrupts of a terminal are the supervisor's to hear. */
  interrupted(): Promise<void> {
    process.on('SIGINT', () => undefined);
    const asked = new Promise<void>((resolve) => void process.on('SIGTERM', () => resolve()));
    return Promise.race([asked, this.abandoned]);
  }

  /** Nothing is asked any more; the channel would keep the process alive. */
  leave(): void {
    if (process.connected) process.disconnect();
  }

  private async ownStand(): Promise<Stand> {
    return (await this.own?.stand()) ?? { ready: false, missing: [] };
  }

  private async answer({ about }: Question): Promise<unknown> {
    if (about === 'standing') return await this.ownStand();
    if (this.own === undefined) throw new RelearnError('UNAVAILABLE', 'this process is starting');
    return await this.own.figures(String(this.index));
  }
}

/** This process as one of several; undefined: it has not been forked to be one. */
export function memberOf(env: Environment): Member | undefined {
  const index = env[indexVariable];
  if (index === undefined || cluster.worker === undefined) return undefined;
  return new Member(cluster.worker, Number(index), env[siblingsVariable] === 'serve', systemClock);
}

/** Either side's: a message to one that has gone is lost, and whoever asks hears that nobody answers. */
export function channelOf(other: NodeJS.Process | Worker): Channel {
  const isOpen = () => (other === process ? process.connected : (other as Worker).isConnected());
  return {
    send: (message) => {
      if (isOpen()) other.send?.(message, undefined, undefined, () => undefined);
    },
    onMessage: (take) => void other.on('message', take),
  };
}
