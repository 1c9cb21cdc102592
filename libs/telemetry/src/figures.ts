import type { Metric, Registry } from 'prom-client';
import { type MetricSpec, metricNames } from './names.js';

/** One value under the name of its sample, which a histogram has several of. */
export interface Figure {
  readonly metricName?: string;
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
  readonly value: number;
  readonly exemplar?: unknown;
  /** Of all samples of one series, behind `labels`: prom-client makes text of the same object once. */
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
  /** Does it keep exemplars? */
  readonly traced: boolean;
}

export type Figures = readonly Family[];

const specs = new Map<string, MetricSpec>(Object.values(metricNames).map((spec) => [spec.name, spec]));

/** All that a registry tells. What processes tell apart, as they do what Node says of itself, bears the process as a label. */
export async function figuresOf(registry: Pick<Registry, 'getMetricsAsJSON'>, process: string): Promise<Figures> {
  return (await registry.getMetricsAsJSON()).map(({ name, help, type, values }) => {
    const spec = specs.get(name);
    const together = spec === undefined ? 'apart' : (spec.together ?? 'sum');
    const labelled = (figure: Figure) => ({ ...figure, labels: { ...figure.labels, process } });
    return {
      name,
      help,
      // Plain data has the type's name, whatever the declarations say.
      type: String(type),
      together,
      traced: spec?.exemplars === true,
      values: together === 'apart' ? values.map(labelled) : values,
    };
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

/** What a registry of prom-client renders, told anew each time, as data and as text: it asks for these fields alone. */
export function rendered(told: () => Told, lines: () => Told = told): Metric {
  const { name, type } = told();
  return { name, type, get: async () => told(), getForPromString: async () => lines() } as unknown as Metric;
}
