import type { Registry } from 'prom-client';
import { type MetricSpec, metricNames } from './names.js';

/** The last value of a bucket that was seen in a trace which is kept, as prom-client has it. */
export interface Exemplar {
  readonly labelSet: { readonly trace_id: string };
  readonly value: number;
  /** Seconds since 1970 UTC. */
  readonly timestamp: number;
}

/** One value under the name of its sample, which a histogram has several of. */
export interface Figure {
  readonly metricName?: string;
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
  readonly value: number;
  readonly exemplar?: Exemplar | undefined;
  /** Of all samples of one series, behind `labels`: the same object becomes text once. */
  readonly sharedLabels?: Readonly<Record<string, string>>;
}

/** What a metric tells. */
export interface Told {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly Figure[];
}

/** What a metric of a process tells, as plain data that can be sent to another process. */
export interface Family extends Told {
  readonly together: NonNullable<MetricSpec['together']> | 'sum';
}

export type Figures = readonly Family[];

/** What a registry of prom-client tells. */
export async function toldBy(registry: Pick<Registry, 'getMetricsAsJSON'>): Promise<Told[]> {
  // Plain data has the type's name, whatever the declarations say.
  return (await registry.getMetricsAsJSON()).map((metric) => ({ ...metric, type: String(metric.type) }));
}

const specs = new Map<string, MetricSpec>(Object.values(metricNames).map((spec) => [spec.name, spec]));

/** What metrics tell, to be sent. What processes tell apart, as they do what Node says of itself, bears the process as a label. */
export function figuresOf(told: readonly Told[], process: string): Figures {
  return told.map(({ name, help, type, values }) => {
    const spec = specs.get(name);
    const together = spec === undefined ? 'apart' : (spec.together ?? 'sum');
    const own = together === 'apart' ? { process } : {};
    const labelled = ({ sharedLabels, ...figure }: Figure) => {
      return { ...figure, labels: { ...figure.labels, ...sharedLabels, ...own } };
    };
    return { name, help, type, together, values: values.map(labelled) };
  });
}

/** Figures of several processes as those of one. */
export function merged(all: readonly Figures[]): Figures {
  const families = new Map<string, { family: Family; values: Map<string, Figure> }>();
  for (const family of all.flat()) {
    const known = families.get(family.name) ?? { family, values: new Map<string, Figure>() };
    families.set(family.name, known);
    for (const figure of family.values) {
      const key = keyOf(figure);
      known.values.set(key, combined(family, known.values.get(key), figure));
    }
  }
  return [...families.values()].map(({ family, values }) => ({ ...family, values: [...values.values()] }));
}

function keyOf({ metricName, labels }: Figure): string {
  return JSON.stringify([metricName, Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1))]);
}

function combined({ together }: Family, before: Figure | undefined, figure: Figure): Figure {
  if (before === undefined) return figure;
  const value = together === 'greatest' ? Math.max(before.value, figure.value) : before.value + figure.value;
  return { ...before, ...figure, value, exemplar: figure.exemplar ?? before.exemplar };
}

/** What goes on counting after its process has ended: a sum that fell would look like a restart of all of them. */
export function countedOf(figures: Figures): Figures {
  return figures.filter(({ together, type }) => together === 'sum' && type !== 'gauge');
}
