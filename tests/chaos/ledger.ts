/** What befalls a process without killing it. */
export type MishapKind = 'stopped' | 'cut off' | 'clock jump' | 'full disk';

export interface Crash {
  readonly victim: string;
  /** The end of its log. */
  readonly said: string;
}

export interface Disturbances {
  /** By victim and how it died: `random`, or the failpoint. */
  readonly kills: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** By kind and victim. */
  readonly mishaps: ReadonlyMap<MishapKind, ReadonlyMap<string, number>>;
  /** Deaths that nobody had caused. */
  readonly crashes: readonly Crash[];
  /** Kills; crashes are none. */
  total(): number;
}

interface LedgerOptions {
  readonly kills: number;
  readonly mishapEvery: number;
  readonly onKill?: (soFar: Disturbances) => void;
}

/** Counts what is done to the victims, and says when there has been enough. */
export class Ledger implements Disturbances {
  readonly kills = new Map<string, Map<string, number>>();
  readonly mishaps = new Map<MishapKind, Map<string, number>>();
  readonly crashes: Crash[] = [];
  private taken = 0;
  private lives = 0;
  private readonly options: LedgerOptions;
  private readonly begun = new Map<MishapKind, number>();

  constructor(options: LedgerOptions) {
    this.options = options;
  }

  total(): number {
    return this.taken;
  }

  open(): boolean {
    return this.taken < this.options.kills;
  }

  /** Counts a kill that is to be done, or has been; false when there have been enough. */
  take(): boolean {
    if (!this.open()) return false;
    this.taken += 1;
    return true;
  }

  killed(victim: string, how: string): void {
    add(this.kills, victim, how);
    this.options.onKill?.(this);
  }

  crashed(victim: string, said: string): void {
    this.crashes.push({ victim, said });
  }

  suffered(victim: string, kind: MishapKind): void {
    add(this.mishaps, kind, victim);
  }

  /** One life in so many has a mishap: of those that are possible the one that has been rarest so far. */
  mishapFor<M extends { readonly kind: MishapKind }>(possible: readonly M[]): M | null {
    if (possible.length === 0) return null;
    this.lives += 1;
    if (this.lives % this.options.mishapEvery !== 0) return null;
    const count = ({ kind }: M) => this.begun.get(kind) ?? 0;
    const rarest = possible.reduce((least, one) => (count(one) < count(least) ? one : least));
    this.begun.set(rarest.kind, count(rarest) + 1);
    return rarest;
  }
}

function add<K>(counts: Map<K, Map<string, number>>, outer: K, inner: string): void {
  const row = counts.get(outer) ?? new Map<string, number>();
  counts.set(outer, row.set(inner, (row.get(inner) ?? 0) + 1));
}
