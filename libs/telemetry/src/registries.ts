import { type OpenMetricsContentType, Registry } from 'prom-client';
import { openMetricsOf } from './open-metrics.js';

/** Histograms with exemplars are in two registries, one for each text; everything else is in the first. */
export interface Registries {
  readonly plain: Registry;
  readonly traced: Registry;
  readonly openMetrics: Registry<OpenMetricsContentType>;
}

/** The text that Prometheus scrapes, and its media type. */
export interface Rendered {
  readonly contentType: string;
  readonly body: string;
}

export function newRegistries(): Registries {
  const openMetrics = new Registry<OpenMetricsContentType>();
  openMetrics.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  return { plain: new Registry(), traced: new Registry(), openMetrics };
}

/** OpenMetrics, with exemplars, where it is asked for. */
export async function textOf({ plain, traced, openMetrics }: Registries, accept: string): Promise<Rendered> {
  const counted = await plain.metrics();
  if (!accept.includes('application/openmetrics-text')) {
    return { contentType: plain.contentType, body: `${counted}\n${await traced.metrics()}` };
  }
  const body = `${openMetricsOf(counted)}\n${await openMetrics.metrics()}`;
  return { contentType: openMetrics.contentType, body };
}
