import type { SimulatedProcess } from './process.js';
import type { Scheduler } from './scheduler.js';

/**
 * What may become of a call of a port:
 * - refused: UNAVAILABLE, and nothing has happened;
 * - lost: it has happened, and the answer is UNAVAILABLE;
 * - late: UNAVAILABLE, and it happens afterwards, maybe after the caller has tried again or died;
 * - part: of a publication a beginning is written, the answer is UNAVAILABLE;
 * - twice: it happens, is answered, and happens once more.
 */
export const outcomes = ['done', 'refused', 'lost', 'late', 'part', 'twice'] as const;
export type Outcome = (typeof outcomes)[number];

/** Calls of the bus, of the store, of the blobs. */
const kindsOf = {
  bus: ['publish', 'read', 'commit', 'follow'],
  store: ['write', 'find'],
  blobs: ['put', 'fetch'],
} as const;
export type PortName = keyof typeof kindsOf;
export type CallKind = (typeof kindsOf)[PortName][number];
export const portNames: readonly PortName[] = ['bus', 'store', 'blobs'];

const possible: Readonly<Record<CallKind, readonly Outcome[]>> = {
  publish: ['refused', 'lost', 'late', 'part', 'twice'],
  write: ['refused', 'lost', 'late'],
  read: ['refused'],
  find: ['refused'],
  put: ['refused', 'lost'],
  fetch: ['refused'],
  commit: ['refused', 'lost', 'late'],
  follow: [],
};

export type Disaster = 'crash' | 'pause' | 'restart' | 'jump' | 'outage';

/** Nobody reaches a port; or what it is asked to change it changes, and nobody hears of it. */
export type Outage = 'away' | 'deaf';

/** How a seed's faults are mixed: a kind is absent, seldom or frequent. */
export interface Mix {
  readonly rates: Readonly<Record<Outcome, number>>;
  readonly slowness: number;
  readonly longDelays: number;
  /** Share of jobs whose thread never answers. */
  readonly hung: number;
  /** Most records a read may answer; 0: as many as are asked for. */
  readonly batch: number;
  /** Steps between two disasters of a kind, on average; 0: none. */
  readonly disasters: Readonly<Record<Disaster, number>>;
}

export interface CallPlan {
  readonly outcome: Outcome;
  readonly before: number;
  readonly after: number;
}

export const noFaults: Mix = {
  rates: { done: 0, refused: 0, lost: 0, late: 0, part: 0, twice: 0 },
  slowness: 1,
  longDelays: 0,
  hung: 0,
  batch: 0,
  disasters: { crash: 0, pause: 0, restart: 0, jump: 0, outage: 0 },
};

/**
 * Each seed leaves out some kinds of faults altogether: what two kinds hide from each other is then seen alone. `hasty`: turns
 * have a deadline that is soon over, so that a thread that hangs keeps nobody for ever.
 */
export function drawMix(scheduler: Scheduler, { shared, hasty }: { shared: boolean; hasty: boolean }): Mix {
  const rate = () => scheduler.pick([0, 0, 0.004, 0.04]);
  const gap = (steps: number) => scheduler.pick([0, steps * 3, steps, steps / 3]);
  return {
    rates: { done: 0, refused: rate(), lost: rate(), late: rate(), part: rate(), twice: rate() },
    slowness: scheduler.pick([1, 4, 20]),
    longDelays: scheduler.pick([0, 0.002, 0.01]),
    hung: hasty ? scheduler.pick([0, 0.2, 0.5]) : 0,
    batch: scheduler.pick([0, 1, 2, 5]),
    disasters: {
      crash: gap(900),
      pause: shared ? gap(1500) : 0,
      restart: gap(2500),
      jump: scheduler.pick([0, 700]),
      outage: gap(1500),
    },
  };
}

/** Decides what becomes of each call, and counts what was done. */
export class Faults {
  readonly counts: Record<string, number> = {};
  private readonly scheduler: Scheduler;
  private mix: Mix;
  /** Ports that nobody reaches, or that nobody hears from, and until when. */
  private readonly away = new Map<CallKind, { readonly until: number; readonly how: Outage }>();
  /** Disasters that lie in wait: told of each answer before the process that asked is, which may lose it. */
  readonly waiting = new Map<Disaster, (process: SimulatedProcess, name: string) => 'answer lost' | undefined>();

  constructor(scheduler: Scheduler, mix: Mix) {
    this.scheduler = scheduler;
    this.mix = mix;
  }

  get present(): Mix {
    return this.mix;
  }

  /** From now on everything works and nobody dies. */
  end(): void {
    this.mix = noFaults;
    this.away.clear();
    this.waiting.clear();
  }

  outage(port: PortName, ms: number, how: Outage): void {
    for (const kind of kindsOf[port]) this.away.set(kind, { until: this.scheduler.now + ms, how });
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  plan(kind: CallKind): CallPlan {
    const { scheduler } = this;
    const draw = scheduler.random();
    const before = this.delay();
    const after = draw < 0.1 ? this.delay() : 0;
    return { outcome: this.outcomeOf(kind), before, after };
  }

  delay(): number {
    const { slowness, longDelays } = this.mix;
    const draw = this.scheduler.random();
    if (draw < longDelays) {
      this.count('long delay');
      return 500 + this.scheduler.random() * 6000;
    }
    return this.scheduler.random() * slowness;
  }

  private outcomeOf(kind: CallKind): Outcome {
    const away = this.away.get(kind);
    if (away !== undefined && away.until > this.scheduler.now) {
      this.count(`${kind} while away`);
      return away.how === 'deaf' && possible[kind].includes('lost') ? 'lost' : 'refused';
    }
    const { rates } = this.mix;
    let draw = this.scheduler.random();
    for (const outcome of possible[kind]) {
      draw -= rates[outcome];
      if (draw >= 0) continue;
      this.count(`${kind} ${outcome}`);
      return outcome;
    }
    return 'done';
  }
}
