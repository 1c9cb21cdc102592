import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { RelearnError } from '@relearn/kernel';
import { Counter as PromCounter, Gauge as PromGauge, collectDefaultMetrics, Registry } from 'prom-client';
import { exposition, type Rendered } from './exposition.js';
import { type Figures, figuresOf, type Told, toldBy } from './figures.js';
import { Histogram as OwnHistogram } from './histogram.js';
import { type MetricKey, type MetricSpec, metricNames } from './names.js';
import { type Bound, boundLabels, type Labels, Passing } from './series.js';

type Specs = typeof metricNames;
type LabelsOf<Key extends MetricKey> = Readonly<Record<Specs[Key]['labels'][number], string>>;

export interface Counter<Labels> {
  add(labels: Labels, amount?: number): void;
}

export interface Histogram<Labels> {
  /** With the id of a trace, where the value was seen in one that is kept. */
  observe(labels: Labels, value: number, traceId?: string): void;
}

export interface Gauge<Labels> {
  set(labels: Labels, value: number): void;
  /** Takes the series away: a model that no longer serves has no value, not a last one. */
  clear(labels: Labels): void;
}

interface Instruments<Labels> {
  readonly counter: Counter<Labels>;
  readonly gauge: Gauge<Labels>;
  readonly histogram: Histogram<Labels>;
}

export type MetricSet = { readonly [Key in MetricKey]: Instruments<LabelsOf<Key>>[Specs[Key]['kind']] };

export interface Metrics extends MetricSet {
  /** Delay of the event loop beyond the sampling interval since the last call of `render`, in milliseconds. */
  eventLoopDelayMs(): { readonly p50: number; readonly p99: number };
  /** Brings up to date, before each `render`, what somebody counts by himself. */
  beforeRender(update: () => void): void;
  /** The text that Prometheus scrapes, and its media type: OpenMetrics, with exemplars, where it is asked for. */
  render(accept?: string): Promise<Rendered>;
  /** The same as data, for whoever joins the figures of several processes; this one is told apart by its name. */
  figures(process: string): Promise<Figures>;
  /** Ends the sampling of the event loop. */
  stop(): void;
}

export interface MetricsOptions {
  /** Adds what the process and Node tell of themselves, and samples the event loop. Default true. */
  readonly process?: boolean;
}

/** Between two looks at the loop. Each wakes the process: at 10 ms they cost half a percent of a core. */
const resolutionMs = 20;
const quantiles = [50, 99] as const;

/** One registry with every metric of names.ts. A process makes one; a label's values are bounded by `labelValueBound`. */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  const histograms: OwnHistogram[] = [];
  const ofProcess = options.process ?? true;
  const onFold = (metric: string) => set.foldedLabels.add({ metric });
  const set = Object.fromEntries(
    Object.entries(metricNames).map(([key, spec]: [string, MetricSpec]) => {
      const bound = boundLabels(spec, onFold);
      if (spec.kind === 'counter') return [key, counterOf(spec, bound, registry)];
      if (spec.kind === 'gauge') return [key, gaugeOf(spec, bound, registry)];
      const histogram = new OwnHistogram(spec, bound);
      histograms.push(histogram);
      return [key, histogram];
    }),
    // The keys and kinds are those of the same table that the type is made from.
  ) as unknown as MetricSet;
  const updates: (() => void)[] = [];
  const delay = ofProcess ? monitorEventLoopDelay({ resolution: resolutionMs }) : undefined;
  delay?.enable();
  if (ofProcess) addProcessMetrics(registry);
  const told = async (): Promise<Told[]> => {
    for (const update of updates) update();
    for (const quantile of quantiles) {
      const value = beyondInterval(delay, quantile) / 1000;
      if (delay !== undefined) set.eventLoopDelay.set({ quantile: String(quantile / 100) }, value);
    }
    const all = [...(await toldBy(registry)), ...histograms.map((histogram) => histogram.told())];
    delay?.reset();
    return all;
  };
  return {
    ...set,
    eventLoopDelayMs: () => ({ p50: beyondInterval(delay, 50), p99: beyondInterval(delay, 99) }),
    beforeRender: (update) => void updates.push(update),
    render: async (accept = '') => exposition(await told(), accept),
    figures: async (process) => figuresOf(await told(), process),
    stop: () => {
      delay?.disable();
    },
  };
}

/** What the process and Node tell of themselves, without prom-client's delays of the loop: they take longer than all the rest. */
function addProcessMetrics(registry: Registry): void {
  // Its monitor cannot be left out; so it hardly ever looks.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 3_600_000 });
  for (const { name } of registry.getMetricsAsArray()) {
    if (name.startsWith('nodejs_eventloop_lag_')) registry.removeSingleMetric(name);
  }
}

/** Milliseconds: the monitor's samples are whole intervals, so that an idle loop shows the resolution. */
function beyondInterval(delay: IntervalHistogram | undefined, quantile: number): number {
  if (delay === undefined || delay.count === 0) return 0;
  return Math.max(0, delay.percentile(quantile) / 1e6 - resolutionMs);
}

function counterOf(spec: MetricSpec, bound: Bound, registry: Registry): Counter<Labels> {
  const counter = new PromCounter(promOptions(spec, registry));
  const passing = passingOf(spec, (labels) => counter.remove(labels));
  return {
    add: (labels, amount = 1) => {
      if (amount < 0) throw new RelearnError('INTERNAL', `${spec.name}: a counter cannot fall by ${-amount}`);
      const within = bound(labels);
      passing?.hear(within);
      counter.inc(within, amount);
    },
  };
}

function gaugeOf(spec: MetricSpec, bound: Bound, registry: Registry): Gauge<Labels> {
  const gauge = new PromGauge(promOptions(spec, registry));
  const passing = passingOf(spec, (labels) => gauge.remove(labels));
  return {
    set: (labels, value) => {
      const within = bound(labels);
      passing?.hear(within);
      gauge.set(within, value);
    },
    clear: (labels) => gauge.remove(bound(labels)),
  };
}

function promOptions({ name, help, labels }: MetricSpec, registry: Registry) {
  return { name, help, labelNames: [...labels], registers: [registry] };
}

function passingOf({ passing, labels }: MetricSpec, over: (labels: Labels) => void): Passing | undefined {
  return passing && new Passing(passing, labels, over);
}
