import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { metrics } from '@relearn/stats';
import { createMetrics, metricNames, type MetricSpec } from '@relearn/telemetry';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rules } from './alerts.js';
import { readText, root } from './files.js';
import { selectedBy } from './promql.js';

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly datasource: { readonly uid: string };
  readonly targets: readonly { readonly expr: string }[];
}
interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition: string }[] };
}

const folder = 'infra/grafana/dashboards';
const dashboards = readdirSync(join(root, folder)).map((name) => {
  const dashboard: Dashboard = JSON.parse(readText(`${folder}/${name}`));
  return { name, dashboard };
});

/** Labels that Prometheus adds to what it scrapes. */
const added = ['job', 'instance', 'le'];

/** Every metric that a process shows, with the labels that it may have; undefined where Node's own client names them. */
const known = new Map<string, readonly string[] | undefined>([['up', []]]);

beforeAll(async () => {
  const made = createMetrics();
  const { body } = await made.render();
  made.stop();
  for (const match of body.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const [, name = '', kind = ''] = match;
    for (const suffix of kind === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']) {
      known.set(`${name}${suffix}`, undefined);
    }
  }
  const specs: readonly MetricSpec[] = Object.values(metricNames);
  for (const { name, kind, labels } of specs) {
    for (const suffix of kind === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']) {
      known.set(`${name}${suffix}`, labels);
    }
  }
});
afterAll(() => known.clear());

/** What an expression reads that no process shows. */
function unknownIn(expression: string): string[] {
  const { selected, grouping } = selectedBy(expression);
  if (selected.length === 0 && !expression.startsWith('vector')) return [`${expression} reads nothing`];
  const metricGaps = selected.filter(({ metric }) => !known.has(metric)).map(({ metric }) => metric);
  const labelGaps = selected.flatMap(({ metric, labels }) =>
    labels.filter((label) => !has(metric, label)).map((label) => `${metric}{${label}}`),
  );
  const groupGaps = grouping.filter((label) => !selected.some(({ metric }) => has(metric, label)));
  return [...metricGaps, ...labelGaps, ...groupGaps.map((label) => `by (${label})`)];
}

function has(metric: string, label: string): boolean {
  const labels = known.get(metric);
  return added.includes(label) || (known.has(metric) && (labels?.includes(label) ?? true));
}

describe('what is looked at is what a process shows', () => {
  test.each(rules.map((rule) => [rule.alert, rule.expr]))('alert %s', (_alert, expression) => {
    expect(unknownIn(expression)).toEqual([]);
  });

  test.each(dashboards)('dashboard $name', ({ dashboard }) => {
    const expressions = [
      ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
      ...dashboard.templating.list.map(({ definition }) => definition),
    ];
    expect(expressions.length).toBeGreaterThan(5);
    expect(expressions.flatMap(unknownIn)).toEqual([]);
  });

  test.each([
    ['sum(rate(relearn_nothing_total[5m]))', 'relearn_nothing_total'],
    ['relearn_turns_total{topic="control"}', 'relearn_turns_total{topic}'],
    ['sum by (topic) (relearn_turns_total)', 'by (topic)'],
    ['label_values(relearn_turns_total, topic)', 'by (topic)'],
    ['rate(relearn_jobs_seconds[5m])', 'relearn_jobs_seconds'],
    ['sum by (kind) (1)', 'reads nothing'],
  ])('a mistake is found: %s', (expression, says) => {
    expect(unknownIn(expression).join('\n')).toContain(says);
  });
});

describe('dashboards', () => {
  test('have addresses of their own and read the datasource that is provided', () => {
    const uids = dashboards.map(({ dashboard }) => dashboard.uid);
    expect(new Set(uids).size).toBe(uids.length);
    const sources = dashboards.flatMap(({ dashboard }) => dashboard.panels.map(({ datasource }) => datasource.uid));
    expect([...new Set(sources)]).toEqual(['prometheus']);
    expect(readText('infra/grafana/provisioning/datasources/prometheus.yml')).toContain('uid: prometheus');
  });

  test.each(dashboards)('$name: variables that panels use are there', ({ dashboard }) => {
    const used = dashboard.panels.flatMap(({ targets }) =>
      targets.flatMap(({ expr }) => [...expr.matchAll(/\$(\w+)/g)].map((match) => match[1] ?? '')),
    );
    const given = dashboard.templating.list.map(({ name }) => name);
    expect([...new Set(used)].sort()).toEqual([...given].sort());
  });
});

test('the comparison with the frozen model takes every metric that grows with quality, and no other', () => {
  const { expr } = rules.find(({ alert }) => alert === 'RelearnWorseThanFrozen') ?? { expr: '' };
  const named = /metric=~"([^"]*)"/.exec(expr)?.[1]?.split('|').sort();
  const growing = Object.values(metrics).filter((metric) => metric.greaterIsBetter);
  expect(named).toEqual(growing.map(({ name }) => name).sort());
});
