import type { FeatureDrift } from '@relearn/contracts';
import type { WindowView } from '../read-model/shapes.js';
import { count, date, figure } from './format.js';
import { html, type Markup } from './markup.js';
import type { PageData } from './page-data.js';

/** Cells of a strip: more windows than this share cells, of which the worst shows. */
const mostCells = 400;
const rowsShown = 14;

/** Statistic in multiples of its threshold from which on a cell has the level. */
const levels = [0, 0.5, 1, 1.5, 2.5] as const;

interface Strip {
  readonly feature: string;
  readonly method: string;
  /** A level a cell; null: no data, or not computable. */
  readonly cells: readonly (number | null)[];
  readonly drifted: number;
  readonly latest: FeatureDrift | undefined;
  readonly excess: number;
}

/** One strip a feature, the most drifted first, on the time axis of the quality chart. */
export function driftSection({ windows }: PageData): Markup {
  const reported = windows.filter((window) => window.drift !== null);
  const strips = stripsOf(reported).sort((a, b) => b.excess - a.excess || (a.feature < b.feature ? -1 : 1));
  const [shown, rest] = [strips.slice(0, rowsShown), strips.slice(rowsShown)];
  return html`<section id="drift" data-part="drift" aria-labelledby="drift-title">
    <h2 id="drift-title">Drift by feature <small>against the reference of the model that serves; threshold calibrated a feature</small></h2>
    ${
      strips.length === 0
        ? html`<p class="empty">No window has been compared with a model's reference yet.</p>`
        : html`<div class="strips">${shown.map(stripRow)}</div>
          ${rest.length === 0 ? null : html`<details id="drift-rest"><summary>${rest.length} calmer features</summary><div class="strips">${rest.map(stripRow)}</div></details>`}
          ${legend(reported)}`
    }
  </section>`;
}

function stripsOf(windows: readonly WindowView[]): Strip[] {
  const byFeature = new Map<string, FeatureDrift[]>();
  for (const { drift } of windows) for (const { feature } of drift?.features ?? []) byFeature.set(feature, []);
  const perCell = Math.max(1, Math.ceil(windows.length / mostCells));
  return [...byFeature.keys()].map((feature) => {
    const points = windows.map(({ drift }) => drift?.features.find((one) => one.feature === feature));
    const cells: (number | null)[] = [];
    for (let start = 0; start < points.length; start += perCell)
      cells.push(worst(points.slice(start, start + perCell)));
    const latest = points.at(-1);
    const drifted = points.filter((point) => point?.state === 'DRIFT').length;
    const excess = points.reduce((sum, point) => sum + Math.max(0, (ratioOf(point) ?? 0) - 1), 0);
    return { feature, method: latest?.method ?? '', cells, drifted, latest, excess };
  });
}

function ratioOf(point: FeatureDrift | undefined): number | null {
  if (point === undefined || point.statistic === null || point.threshold === null) return null;
  return point.threshold > 0 ? point.statistic / point.threshold : point.statistic > 0 ? Number.POSITIVE_INFINITY : 0;
}

function worst(points: readonly (FeatureDrift | undefined)[]): number | null {
  const ratios = points.map(ratioOf).filter((ratio) => ratio !== null);
  if (ratios.length === 0) return null;
  const ratio = Math.max(...ratios);
  return levels.findLastIndex((from) => ratio >= from);
}

function stripRow({ feature, method, cells, drifted, latest }: Strip): Markup {
  const description = `${feature}: drifted in ${drifted} windows; latest ${method} ${figure(latest?.statistic)}, threshold ${figure(latest?.threshold)}`;
  const state = latest?.state === 'DRIFT' ? 'drift' : 'calm';
  return html`<div class="strip">
    <span class="feature" title="${feature}">${feature}</span>
    <svg viewBox="0 0 ${cells.length} 1" preserveAspectRatio="none" role="img" aria-label="${description}">${[null, ...levels.keys()].map((level) => cellsOf(cells, level))}</svg>
    <span class="latest" data-state="${state}" title="${method}; latest window / threshold"><b>${figure(latest?.statistic)}</b> / ${figure(latest?.threshold)}</span>
  </div>`;
}

/** All cells of one level as one path; neighbours together. */
function cellsOf(cells: readonly (number | null)[], level: number | null): Markup | null {
  let path = '';
  for (let start = 0; start < cells.length; start++) {
    if (cells[start] !== level) continue;
    let end = start;
    while (end < cells.length && cells[end] === level) end++;
    path += `M${start} 0h${end - start}v1h${start - end}z`;
    start = end;
  }
  return path === '' ? null : html`<path class="${level === null ? 'none' : `level-${level}`}" d="${path}"/>`;
}

function legend(windows: readonly WindowView[]): Markup {
  const [first, last] = [windows[0], windows.at(-1)];
  const names = ['quiet', 'half the threshold', 'above it', '1.5 times', '2.5 times'];
  return html`<div class="strip-legend">
    <span></span>
    <p><span>${first === undefined ? '' : date(first.start)}</span>
      <span class="ramp">${names.map((name, level) => html`<span><i class="level-${level}"></i>${name}</span>`)}<span><i class="none"></i>no data</span></span>
      <span>${last === undefined ? '' : date(last.end)}</span></p>
    <span>${count(windows.length)} windows</span>
  </div>`;
}
