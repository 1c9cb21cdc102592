import { labelValueBound, type MetricSpec, passingBound } from './names.js';

export type Labels = Readonly<Record<string, string>>;
export type Bound = (labels: Labels) => Labels;

/** Keeps each label's first values and gives `other` for those beyond the bound; those of a passing label pass. */
export function boundLabels(spec: MetricSpec, onFold: (name: string) => void): Bound {
  const lasting = spec.labels.filter((label) => label !== spec.passing?.label);
  const seen = new Map(lasting.map((label) => [label, new Set<string>()]));
  return (labels) => {
    let bounded = labels;
    for (const [label, values] of seen) {
      const value = labels[label] ?? '';
      if (values.has(value)) continue;
      if (values.size < labelValueBound) {
        values.add(value);
        continue;
      }
      bounded = { ...bounded, [label]: 'other' };
      onFold(spec.name);
    }
    return bounded;
  };
}

/** The series of one value of a passing label, and when it was heard of last. */
interface Passer {
  turn: number;
  readonly series: Map<string, Labels>;
}

/** Says which series are over: those of values of a passing label that were heard of longest ago. */
export class Passing {
  private readonly spec: NonNullable<MetricSpec['passing']>;
  private readonly labels: readonly string[];
  private readonly over: (labels: Labels) => void;
  /** By value of `of`, then by value of the label. */
  private readonly heard = new Map<string, Map<string, Passer>>();
  private turn = 0;
  private last: Labels | undefined;

  constructor(spec: NonNullable<MetricSpec['passing']>, labels: readonly string[], over: (labels: Labels) => void) {
    this.spec = spec;
    this.labels = labels;
    this.over = over;
  }

  hear(labels: Labels): void {
    if (this.last === labels) return;
    this.last = labels;
    const passers = entryOf(this.heard, labels[this.spec.of] ?? '', () => new Map<string, Passer>());
    const passer = entryOf(passers, labels[this.spec.label] ?? '', () => ({ turn: 0, series: new Map() }));
    // A number, where the order of the Map would do: whatever is put anew into a Map all the time ages V8's heap.
    passer.turn = this.turn++;
    passer.series.set(keyOf(this.labels, labels), labels);
    if (passers.size > passingBound) this.endOldest(passers);
  }

  private endOldest(passers: Map<string, Passer>): void {
    const [oldest, { series }] = [...passers].reduce((one, other) => (other[1].turn < one[1].turn ? other : one));
    passers.delete(oldest);
    for (const each of series.values()) this.over(each);
  }
}

function entryOf<Kept>(all: Map<string, Kept>, key: string, begin: () => Kept): Kept {
  const there = all.get(key);
  if (there !== undefined) return there;
  const begun = begin();
  all.set(key, begun);
  return begun;
}

export interface SeriesOptions<Kept> {
  readonly names: readonly string[];
  readonly bound: Bound;
  readonly begin: (labels: Labels) => Kept;
  readonly passing: MetricSpec['passing'];
}

/** What is kept of each combination of label values. */
export class Series<Kept> {
  private readonly options: SeriesOptions<Kept>;
  private readonly kept = new Map<string, Kept>();
  /** Who tells much keeps its labels: the same object means the same series. */
  private last: { readonly labels: Labels; readonly kept: Kept } | undefined;
  private readonly passing: Passing | undefined;

  constructor(options: SeriesOptions<Kept>) {
    this.options = options;
    const { passing, names } = options;
    this.passing = passing && new Passing(passing, names, (labels) => this.kept.delete(keyOf(names, labels)));
  }

  get all(): Iterable<Kept> {
    return this.kept.values();
  }

  of(labels: Labels): Kept {
    if (this.last?.labels === labels) return this.last.kept;
    const kept = this.kept.get(keyOf(this.options.names, labels));
    if (kept === undefined) return this.bounded(this.options.bound(labels));
    this.passing?.hear(labels);
    this.last = { labels, kept };
    return kept;
  }

  private bounded(labels: Labels): Kept {
    this.passing?.hear(labels);
    const key = keyOf(this.options.names, labels);
    const there = this.kept.get(key);
    if (there !== undefined) return there;
    const made = this.options.begin(labels);
    this.kept.set(key, made);
    return made;
  }
}

function keyOf(names: readonly string[], labels: Labels): string {
  let key = '';
  for (const name of names) key += `${labels[name] ?? ''}\0`;
  return key;
}
