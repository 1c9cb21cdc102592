import type { Chance } from '@relearn/kernel';
import { type Disturbances, Ledger, type MishapKind } from './ledger.js';

/** What befalls a victim for a while without killing it. */
export interface Mishap {
  readonly kind: MishapKind;
  readonly lastsMs: number;
  begin(): Promise<void>;
  end(): Promise<void>;
}

/** A process or an engine that may die at any time. */
export interface Victim {
  readonly name: string;
  /** Failpoints at which it can be made to die. */
  readonly failpoints: readonly string[];
  readonly mishaps: readonly Mishap[];
  /** Its lives last so many times as long as the plan says. */
  readonly longevity: number;
  /** Starts it, with a failpoint armed or none; resolves when it works again. */
  start(failpoint: string | null): Promise<void>;
  /** Ends it with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** How it died without being killed from here; undefined while it runs. */
  gone(): { readonly bySigkill: boolean; readonly said: string } | undefined;
}

export interface Plan {
  readonly kills: number;
  readonly chance: Chance;
  /** How long a process lives at least and at most, ms. */
  readonly lifeMs: readonly [number, number];
  /** One life in so many has a mishap. */
  readonly mishapEvery: number;
  readonly onKill?: (soFar: Disturbances) => void;
}

const failpointShare = 0.4;
/** A failpoint goes off when it is reached so many times at most. */
const mostHits = 2;

/**
 * Kills the victims, each in its own rhythm, so many times in all; in the end all of them run, with nothing armed. What
 * fails for one of them ends it for all.
 */
export async function disturb(victims: readonly Victim[], plan: Plan): Promise<Disturbances> {
  const ledger = new Ledger(plan);
  const stopping = new AbortController();
  let first: Error | undefined;
  await Promise.all(
    victims.map(async (victim) => {
      try {
        await new Torment(victim, plan, ledger, stopping.signal).run();
      } catch (thrown) {
        first ??= new Error(`${victim.name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, {
          cause: thrown,
        });
        stopping.abort();
      }
    }),
  );
  if (first !== undefined) throw first;
  return ledger;
}

/** One victim's lives. */
class Torment {
  private readonly victim: Victim;
  private readonly plan: Plan;
  private readonly ledger: Ledger;
  private readonly stopping: AbortSignal;
  /** The failpoint of this life. */
  private armed: string | null = null;

  constructor(victim: Victim, plan: Plan, ledger: Ledger, stopping: AbortSignal) {
    this.victim = victim;
    this.plan = plan;
    this.ledger = ledger;
    this.stopping = stopping;
  }

  async run(): Promise<void> {
    const { victim, ledger } = this;
    while (this.goesOn()) {
      await this.live();
      if (!this.goesOn()) break;
      if (!(await this.die())) break;
      this.armed = ledger.open() ? this.nextFailpoint() : null;
      const hits = 1 + Math.floor(this.plan.chance.next() * mostHits);
      await victim.start(this.armed === null ? null : `${this.armed}:kill@${hits}`);
    }
    if (this.stopping.aborted) return;
    // What is armed may still go off: it does not count, and it is not left so.
    const dead = victim.gone();
    if (this.armed === null && dead === undefined) return;
    if (dead === undefined) await this.kill();
    else if (!this.wasArmed(dead)) ledger.crashed(victim.name, dead.said);
    await victim.start(null);
  }

  private goesOn(): boolean {
    return this.ledger.open() && !this.stopping.aborted;
  }

  private async live(): Promise<void> {
    const { victim, plan, ledger } = this;
    const [least, most] = plan.lifeMs;
    const mishap = this.armed === null ? ledger.mishapFor(victim.mishaps) : null;
    if (mishap !== null) {
      await mishap.begin();
      await this.whileAlive(mishap.lastsMs);
      if (victim.gone() === undefined || mishap.kind !== 'stopped') await mishap.end();
      ledger.suffered(victim.name, mishap.kind);
    }
    const lasts = this.armed === null ? least + plan.chance.next() * (most - least) : 2 * most;
    await this.whileAlive(lasts * victim.longevity);
  }

  /** False when there have been enough kills. */
  private async die(): Promise<boolean> {
    const { victim, ledger } = this;
    const before = victim.gone();
    if (before === undefined) {
      if (!ledger.take()) return false;
      await this.kill();
      ledger.killed(victim.name, 'random');
    } else if (this.wasArmed(before)) {
      if (ledger.take()) ledger.killed(victim.name, this.armed ?? '');
    } else ledger.crashed(victim.name, before.said);
    return true;
  }

  /** An armed failpoint may be quicker. */
  private async kill(): Promise<void> {
    try {
      await this.victim.kill();
    } catch (thrown) {
      if (this.victim.gone() === undefined) throw thrown;
    }
  }

  private wasArmed({ bySigkill }: { readonly bySigkill: boolean }): boolean {
    return this.armed !== null && bySigkill;
  }

  private nextFailpoint(): string | null {
    const { failpoints } = this.victim;
    const { chance } = this.plan;
    if (failpoints.length === 0 || chance.next() > failpointShare) return null;
    return failpoints[Math.floor(chance.next() * failpoints.length)] ?? null;
  }

  private async whileAlive(ms: number): Promise<void> {
    const end = performance.now() + ms;
    while (performance.now() < end && this.victim.gone() === undefined && !this.stopping.aborted) await pause(50);
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
