import { runProcess } from './processes.js';
import { addTo, type Finding, type ShareResult } from './shard.js';

/** So many seeds with violations are enough of a share. */
const most = 20;

export interface SeedsOptions {
  readonly from: number;
  readonly count: number;
  readonly processes: number;
  /** Every process ends after so many. */
  readonly minutes: number;
  readonly say: (line: string) => void;
}

/** What a run of many seeds came to. */
export interface SeedsRun {
  readonly seeds: number;
  readonly processes: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly turns: number;
  readonly rollouts: number;
  readonly steps: number;
  readonly virtualHours: number;
  readonly layouts: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
}

/** Shares the seeds between processes: each takes every so many-th one. */
export async function runSeeds({ from, count, processes, minutes, say }: SeedsOptions): Promise<SeedsRun> {
  const began = performance.now();
  let done = 0;
  const onSeed = () => {
    done += 1;
    if (done % 1000 === 0) say(`${done} of ${count} seeds`);
  };
  const shares = Array.from({ length: processes }, (_, index) => ({
    from: from + index,
    step: processes,
    count: Math.ceil((count - index) / processes),
    most,
    minutes,
  }));
  const results = await Promise.all(shares.map((share) => runProcess(share, onSeed)));
  const sum = (of: (result: ShareResult) => number) => results.reduce((total, result) => total + of(result), 0);
  const merged = (of: (result: ShareResult) => Readonly<Record<string, number>>) => {
    const sums: Record<string, number> = {};
    for (const result of results) addTo(sums, of(result));
    return sums;
  };
  return {
    seeds: sum((result) => result.seeds),
    processes,
    wallSeconds: (performance.now() - began) / 1000,
    cpuSeconds: sum((result) => result.cpuMs) / 1000,
    turns: sum((result) => result.turns),
    rollouts: sum((result) => result.rollouts),
    steps: sum((result) => result.steps),
    virtualHours: sum((result) => result.virtualMs) / 3.6e6,
    layouts: merged((result) => result.layouts),
    faults: merged((result) => result.faults),
    findings: results.flatMap((result) => result.findings).sort((a, b) => a.seed - b.seed),
  };
}
