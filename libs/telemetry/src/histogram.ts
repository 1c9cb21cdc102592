import { RelearnError, systemClock } from '@relearn/kernel';
import type { Exemplar, Figure, Told } from './figures.js';
import type { MetricSpec } from './names.js';
import { type Bound, type Labels, Series } from './series.js';

interface Buckets {
  readonly labels: Labels;
  /** Values of each bucket alone; the last one is above all bounds. */
  readonly counts: number[];
  readonly exemplars: (Exemplar | undefined)[];
  sum: number;
}

/** A histogram that hears of every request: to observe is to find a bucket, all else is done when somebody reads. */
export class Histogram {
  private readonly spec: MetricSpec;
  private readonly bounds: readonly number[];
  private readonly series: Series<Buckets>;

  constructor(spec: MetricSpec, bound: Bound) {
    this.spec = spec;
    this.bounds = spec.buckets ?? [];
    const begin = (labels: Labels): Buckets => {
      return { labels, counts: new Array<number>(this.bounds.length + 1).fill(0), exemplars: [], sum: 0 };
    };
    this.series = new Series({ names: spec.labels, bound, begin, passing: spec.passing });
  }

  observe(labels: Labels, value: number, traceId?: string): void {
    if (!Number.isFinite(value)) throw new RelearnError('INTERNAL', `${this.spec.name}: ${value} cannot be observed`);
    const buckets = this.series.of(labels);
    const { bounds } = this;
    let at = 0;
    while (value > (bounds[at] ?? Number.POSITIVE_INFINITY)) at += 1;
    buckets.counts[at] = (buckets.counts[at] ?? 0) + 1;
    buckets.sum += value;
    if (traceId !== undefined && this.spec.exemplars === true) {
      buckets.exemplars[at] = { labelSet: { trace_id: traceId }, value, timestamp: systemClock.wall() / 1000 };
    }
  }

  told(): Told {
    const { name, help } = this.spec;
    const values = [...this.series.all].flatMap((buckets) => this.figuresOf(buckets));
    return { name, help, type: 'histogram', values };
  }

  private figuresOf({ labels: sharedLabels, counts, exemplars, sum }: Buckets): Figure[] {
    const { name } = this.spec;
    const figures: Figure[] = [];
    let value = 0;
    for (const [at, count] of counts.entries()) {
      value += count;
      const le = this.bounds[at] ?? '+Inf';
      figures.push({ metricName: `${name}_bucket`, labels: { le }, sharedLabels, value, exemplar: exemplars[at] });
    }
    figures.push({ metricName: `${name}_sum`, labels: none, sharedLabels, value: sum });
    figures.push({ metricName: `${name}_count`, labels: none, sharedLabels, value });
    return figures;
  }
}

const none = {};
