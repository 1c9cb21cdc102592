import type { Chance } from '@relearn/kernel';

/** A process or an engine that may die at any time. */
export interface Victim {
  readonly name: string;
  /** Failpoints at which it can be made to die. */
  readonly failpoints: readonly string[];
  /** Starts it, with a failpoint armed or none; resolves when it works again. */
  start(failpoint: string | null): Promise<void>;
  /** Ends it with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT; null where that is not tried. */
  readonly freeze: { stop(): Promise<void>; go(): Promise<void> } | null;
  /** Whether it has died by itself. */
  gone(): boolean;
}

export interface Disturbances {
  /** By victim and how it died: `random`, or the failpoint. */
  readonly kills: Map<string, Map<string, number>>;
  readonly freezes: Map<string, number>;
  total(): number;
}

export interface Plan {
  readonly kills: number;
  readonly chance: Chance;
  /** How long a process lives at least and at most, ms. */
  readonly lifeMs: readonly [number, number];
  /** Longer than what others wait for a sign of life, ms. */
  readonly freezeMs: number;
  readonly onKill?: (total: number) => void;
}

const failpointShare = 0.4;
const freezeShare = 0.05;

/** Kills the victims, each in its own rhythm, so many times in all; in the end all of them run, with nothing armed. */
export async function disturb(victims: readonly Victim[], plan: Plan): Promise<Disturbances> {
  const done = new Ledger(plan);
  await Promise.all(victims.map((victim) => torment(victim, plan, done)));
  return done;
}

async function torment(victim: Victim, { chance, lifeMs, freezeMs }: Plan, ledger: Ledger): Promise<void> {
  const [least, most] = lifeMs;
  let armed: string | null = null;
  while (ledger.open()) {
    const life = least + chance.next() * (most - least);
    if (armed === null && victim.freeze !== null && chance.next() < freezeShare) {
      await victim.freeze.stop();
      await pause(freezeMs);
      await victim.freeze.go();
      ledger.frozen(victim.name);
    }
    await whileAlive(victim, armed === null ? life : 2 * most);
    const byItself = victim.gone();
    if (!byItself) {
      if (!ledger.take()) break;
      await victim.kill();
    } else ledger.takeAnyway();
    ledger.killed(victim.name, byItself ? (armed ?? 'by itself') : 'random');
    armed = ledger.open() ? nextFailpoint(victim, chance) : null;
    await victim.start(armed === null ? null : `${armed}:kill@${1 + Math.floor(chance.next() * 4)}`);
  }
  if (armed === null) return;
  // What is armed may still go off: it does not count, and it is not left so.
  if (!victim.gone()) await victim.kill();
  await victim.start(null);
}

function nextFailpoint({ failpoints }: Victim, chance: Chance): string | null {
  if (failpoints.length === 0 || chance.next() > failpointShare) return null;
  return failpoints[Math.floor(chance.next() * failpoints.length)] ?? null;
}

async function whileAlive(victim: Victim, ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end && !victim.gone()) await pause(50);
}

class Ledger implements Disturbances {
  readonly kills = new Map<string, Map<string, number>>();
  readonly freezes = new Map<string, number>();
  private taken = 0;
  private readonly plan: Plan;

  constructor(plan: Plan) {
    this.plan = plan;
  }

  total(): number {
    return this.taken;
  }

  open(): boolean {
    return this.taken < this.plan.kills;
  }

  /** False when there have been enough. */
  take(): boolean {
    if (!this.open()) return false;
    this.takeAnyway();
    return true;
  }

  takeAnyway(): void {
    this.taken += 1;
    this.plan.onKill?.(this.taken);
  }

  killed(victim: string, how: string): void {
    const ways = this.kills.get(victim) ?? new Map<string, number>();
    this.kills.set(victim, ways.set(how, (ways.get(how) ?? 0) + 1));
  }

  frozen(victim: string): void {
    this.freezes.set(victim, (this.freezes.get(victim) ?? 0) + 1);
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
