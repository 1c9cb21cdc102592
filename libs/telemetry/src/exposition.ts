import { Registry } from 'prom-client';
import type { Figure, Told } from './figures.js';

/** The text that Prometheus scrapes, and its media type. */
export interface Rendered {
  readonly contentType: string;
  readonly body: string;
}

/**
 * What metrics tell, in Prometheus' text format 0.0.4, or as OpenMetrics 1.0 with exemplars where that is asked for. A scrape
 * passes here whatever else the process has to do, so labels that are told again and again are made text once.
 * Source: prometheus.io/docs/instrumenting/exposition_formats and /docs/specs/om; prom-client tells the same.
 */
export function exposition(all: readonly Told[], accept: string): Rendered {
  const open = accept.includes('application/openmetrics-text');
  let body = '';
  for (const { name, help, type, values } of all) {
    body += open ? openHead(name, help, type) : head(name, help, type);
    for (const figure of values) body += `${sample(name, figure)}${open ? exemplarOf(figure) : ''}\n`;
  }
  if (!open) return { contentType: Registry.PROMETHEUS_CONTENT_TYPE, body };
  return { contentType: Registry.OPENMETRICS_CONTENT_TYPE, body: `${body}# EOF\n` };
}

function head(name: string, help: string, type: string): string {
  return `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n`;
}

/**
 * A counter's name is without `_total`, which only its values have. One whose name does not end so, such as Triton's, is of
 * unknown type: it keeps its name.
 */
function openHead(name: string, help: string, type: string): string {
  const unknown = type === 'counter' && !name.endsWith('_total');
  return head(name.replace(/_total$/, ''), help, unknown ? 'unknown' : type);
}

function sample(name: string, { metricName = name, labels, sharedLabels, value }: Figure): string {
  const own = textOf(labels);
  const shared = sharedLabels === undefined ? '' : lastingTextOf(sharedLabels);
  const between = own === '' || shared === '' ? '' : ',';
  const all = own === '' && shared === '' ? '' : `{${own}${between}${shared}}`;
  return `${metricName}${all} ${numberOf(value)}`;
}

function exemplarOf({ exemplar }: Figure): string {
  if (exemplar === undefined) return '';
  const { labelSet, value, timestamp } = exemplar;
  return ` # {${textOf(labelSet)}} ${numberOf(value)} ${timestamp}`;
}

const lasting = new WeakMap<object, string>();

function lastingTextOf(labels: NonNullable<Figure['sharedLabels']>): string {
  const known = lasting.get(labels);
  if (known !== undefined) return known;
  const text = textOf(labels);
  lasting.set(labels, text);
  return text;
}

function textOf(labels: Figure['labels']): string {
  let text = '';
  for (const name in labels) {
    text += `${text === '' ? '' : ','}${name}="${escaped(String(labels[name])).replaceAll('"', '\\"')}"`;
  }
  return text;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function numberOf(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? String(value) : `${value < 0 ? '-' : '+'}Inf`;
}
