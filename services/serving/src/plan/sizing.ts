/** What serving a model gave with so many requests on their way at once. */
export interface LevelFigures {
  readonly inFlight: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the server a request, µs. */
  readonly cpuUs: number;
}

export interface Target {
  /** Requests/s. */
  readonly rate: number;
  readonly p99Ms: number;
}

export interface Sizing {
  /** Null: on this machine no number of instances keeps the latency. */
  readonly instances: number | null;
  /** Requests/s that one is to take; 0 where none keeps the latency. */
  readonly perInstance: number;
  /** The level that it rests on: the one with the most requests/s of those that keep the latency, else the quickest. */
  readonly level: LevelFigures;
}

/** Share of what was measured that an instance is to take: bursts and a restarted neighbour need the rest. */
const usableShare = 0.7;

/** How many instances such as the measured one a target needs. Throws RangeError without levels. */
export function sizingOf(levels: readonly LevelFigures[], { rate, p99Ms }: Target): Sizing {
  const best = (some: readonly LevelFigures[], better: (a: LevelFigures, b: LevelFigures) => boolean) =>
    some.reduce<LevelFigures | undefined>(
      (kept, level) => (kept === undefined || better(level, kept) ? level : kept),
      undefined,
    );
  const quick = levels.filter((level) => level.p99Ms <= p99Ms);
  const chosen = best(quick, (a, b) => a.requestsPerSecond > b.requestsPerSecond);
  if (chosen !== undefined) {
    const perInstance = usableShare * chosen.requestsPerSecond;
    return { instances: Math.max(1, Math.ceil(rate / perInstance)), perInstance, level: chosen };
  }
  const quickest = best(levels, (a, b) => a.p99Ms < b.p99Ms);
  if (quickest === undefined) throw new RangeError('no level was measured');
  return { instances: null, perInstance: 0, level: quickest };
}

/** The value below which a share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
