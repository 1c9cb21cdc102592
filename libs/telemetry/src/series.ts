import { labelValueBound, type MetricSpec } from './names.js';

export type Labels = Readonly<Record<string, string>>;
export type Bound = (labels: Labels) => Labels;

/** Keeps each label's first values and gives `other` for those beyond the bound. */
export function boundLabels(spec: MetricSpec, onFold: (name: string) => void): Bound {
  const seen = new Map(spec.labels.map((label) => [label, new Set<string>()]));
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

export interface SeriesOptions<Kept> {
  readonly names: readonly string[];
  readonly bound: Bound;
  readonly begin: (labels: Labels) => Kept;
}

/** What is kept of each combination of label values. */
export class Series<Kept> {
  private readonly options: SeriesOptions<Kept>;
  private readonly kept = new Map<string, Kept>();
  /** Who tells much keeps its labels: the same object means the same series. */
  private last: { readonly labels: Labels; readonly kept: Kept } | undefined;

  constructor(options: SeriesOptions<Kept>) {
    this.options = options;
  }

  get all(): Iterable<Kept> {
    return this.kept.values();
  }

  of(labels: Labels): Kept {
    if (this.last?.labels === labels) return this.last.kept;
    const kept = this.kept.get(this.keyOf(labels));
    if (kept === undefined) return this.bounded(this.options.bound(labels));
    this.last = { labels, kept };
    return kept;
  }

  private bounded(labels: Labels): Kept {
    const key = this.keyOf(labels);
    const there = this.kept.get(key);
    if (there !== undefined) return there;
    const made = this.options.begin(labels);
    this.kept.set(key, made);
    return made;
  }

  private keyOf(labels: Labels): string {
    let key = '';
    for (const name of this.options.names) key += `${labels[name] ?? ''}\0`;
    return key;
  }
}
