import type { Columns, DataOf, PipelineSpec, predictionLogged, RolloutCounts } from '@relearn/contracts';
import { type Answer, isBroken, sameAnswer } from '@relearn/stats';
import { answerIn } from '../answer.js';

type Logged = DataOf<typeof predictionLogged>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] extends number ? number : Mutable<T[K]> };

/** A request that waits for one of the other arm to be compared with. */
interface Observation {
  readonly failed: boolean;
  readonly computeMs: number;
}

export interface SavedWatch {
  readonly model: number;
  readonly counts: RolloutCounts;
  readonly champion: Observation | null;
  readonly waiting: readonly Observation[];
  readonly told: Told;
}

interface Told {
  readonly requests: number;
  readonly rows: number;
}

/** Requests, or rows, after which the decider is told: so many, and of many a fiftieth. */
const tellEvery = 10;
const tellShare = 1 / 50;
const mostWaiting = 100;
/** A run that takes this much longer is no slower, ms: nobody notices. */
const unnoticedMs = 0.5;
/** Where the file says none, so that a figure is there to look at. */
const usualRatio = 1.25;

/**
 * What a shard's predictions say of the model that is rolled out, compared pair by pair: what both arms said to one row, or
 * how they fared with two requests that were answered one after the other. Depends on the order of the predictions alone.
 */
export class RolloutWatch {
  readonly model: number;
  private readonly isClass: boolean;
  private readonly ratio: number;
  private readonly counts: Mutable<RolloutCounts>;
  private champion: Observation | null;
  private readonly waiting: Observation[];
  private told: Told;

  constructor(spec: PipelineSpec, model: number, saved?: SavedWatch) {
    this.model = model;
    this.isClass = spec.train.task !== 'regression';
    this.ratio = (spec.rollout.strategy === 'direct' ? null : spec.rollout.judge.max_latency_ratio) ?? usualRatio;
    this.counts = copyOf(saved?.counts ?? noCounts());
    this.champion = saved?.champion ?? null;
    this.waiting = [...(saved?.waiting ?? [])];
    this.told = saved?.told ?? { requests: 0, rows: 0 };
  }

  save(): SavedWatch {
    const { model, counts, champion, waiting, told } = this;
    return { model, counts: copyOf(counts), champion, waiting: [...waiting], told };
  }

  /** The counts, where the decider has not heard of the last few; null otherwise. */
  news(): RolloutCounts | null {
    const { requests, rows } = this.counts;
    const due = (now: number, before: number) => now - before >= Math.max(tellEvery, tellShare * before);
    if (!due(requests, this.told.requests) && !due(rows, this.told.rows)) return null;
    this.told = { requests, rows };
    return copyOf(this.counts);
  }

  /** An event's rows from `from` on. A request is one observation, however many rows it has. */
  take(data: Logged, from: number): void {
    if (data.kind === 'stream') this.takeRows(data, from);
    else if (from > 0) return;
    else if (data.kind === 'mirror') this.takeMirror(data);
    else this.takeRequest(data);
  }

  private takeRows(data: Logged, from: number): void {
    const rows = data.times.length - from;
    if (rows <= 0) return;
    this.counts.rows += rows;
    const [champion, challenger] = [outputsOf(data, 'champion'), outputsOf(data, 'challenger')];
    const broken = (outputs: Columns | undefined) => outputs === undefined || breaks(outputs, from, data.times.length);
    // One run, whatever its rows: they fail together.
    this.pair('errors', Number(broken(challenger)) - Number(broken(champion)));
    this.agree(champion, challenger, from, data.times.length);
  }

  private takeMirror(data: Logged): void {
    const { request } = data;
    if (request?.answered === undefined) return;
    const [champion, challenger] = [outputsOf(data, 'champion'), outputsOf(data, 'challenger')];
    this.agree(champion, challenger, 0, data.times.length);
    if (request.answered.arm === 'challenger') return;
    const failed = challenger === undefined || breaks(challenger, 0, data.times.length);
    this.counts.requests += 1;
    this.figure('challenger', { failed, computeMs: request.computeMs });
    this.compare({ failed, computeMs: request.computeMs }, { failed: false, computeMs: request.answered.computeMs });
  }

  private takeRequest(data: Logged): void {
    const { request, arms, times } = data;
    const arm = request?.failure?.arm ?? arms[0]?.arm;
    if (request === undefined || (arm !== 'champion' && arm !== 'challenger')) return;
    const outputs = outputsOf(data, arm);
    const failed = outputs === undefined || breaks(outputs, 0, times.length);
    const observation = { failed, computeMs: request.computeMs };
    this.figure(arm, observation);
    if (arm === 'champion') {
      const challenger = this.waiting.shift();
      if (challenger === undefined) this.champion = observation;
      else this.compare(challenger, observation);
      return;
    }
    this.counts.requests += 1;
    if (this.champion === null) {
      this.waiting.push(observation);
      if (this.waiting.length > mostWaiting) this.waiting.shift();
    } else {
      this.compare(observation, this.champion);
      this.champion = null;
    }
  }

  private compare(challenger: Observation, champion: Observation): void {
    this.pair('errors', Number(challenger.failed) - Number(champion.failed));
    if (challenger.failed || champion.failed) return;
    const slower = challenger.computeMs - (champion.computeMs * this.ratio + unnoticedMs);
    this.pair('latency', slower > 0 ? 1 : -1);
  }

  private pair(measure: 'errors' | 'latency', worse: number): void {
    this.counts[measure][worse > 0 ? 'worse' : worse < 0 ? 'better' : 'same'] += 1;
  }

  private figure(arm: 'champion' | 'challenger', { failed, computeMs }: Observation): void {
    const figures = this.counts[arm];
    figures.requests += 1;
    figures.failures += Number(failed);
    figures.computeMs += computeMs;
  }

  private agree(champion: Columns | undefined, challenger: Columns | undefined, from: number, to: number): void {
    if (champion === undefined || challenger === undefined) return;
    for (let row = from; row < to; row++) {
      const [one, other] = [answerIn(champion, row), answerIn(challenger, row)];
      // An answer may have been asked for in part.
      if (one === null || other === null) continue;
      this.counts.agreement.compared += 1;
      this.counts.agreement.agreed += Number(sameAnswer(this.isClass, one, other));
    }
  }
}

function outputsOf(data: Logged, arm: 'champion' | 'challenger'): Columns | undefined {
  return data.arms.find((one) => one.arm === arm)?.outputs;
}

/** Whether an answer is no number. */
function breaks(outputs: Columns, from: number, to: number): boolean {
  for (let row = from; row < to; row++) {
    const answer: Answer | null = answerIn(outputs, row);
    if (answer !== null && isBroken(answer)) return true;
  }
  return false;
}

function copyOf(counts: RolloutCounts): Mutable<RolloutCounts> {
  const { errors, latency, agreement, champion, challenger } = counts;
  return {
    ...counts,
    errors: { ...errors },
    latency: { ...latency },
    agreement: { ...agreement },
    champion: { ...champion },
    challenger: { ...challenger },
  };
}

function noCounts(): RolloutCounts {
  const pairs = () => ({ worse: 0, same: 0, better: 0 });
  const figures = () => ({ requests: 0, failures: 0, computeMs: 0 });
  return {
    requests: 0,
    rows: 0,
    errors: pairs(),
    latency: pairs(),
    agreement: { compared: 0, agreed: 0 },
    champion: figures(),
    challenger: figures(),
  };
}
