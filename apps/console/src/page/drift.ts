import type { FeatureDrift } from '@relearn/contracts';
import type { WindowView } from '../read-model/shapes.js';
import { count, date, figure } from './format.js';
import { html, type Markup } from './markup.js';
import type { PageData } from './page-data.js';
import { shownSpan, type TimeSpan } from './quality-data.js';

/** Cells of a strip, on the time axis of the quality chart: windows that share one show the worst. */
const mostCells = 400;
const rowsShown = 14;

/** One wild window counts no more than this in the order of the strips. */
const mostExcess = 2;

/** Statistic in multiples of its threshold from which on a cell has the level. */
const levels = [0, 0.5, 1, 1.5, 2.5] as const;

interface Strip {
  readonly feature: string;
  /** A level a cell; null: no data, or not computable. */
  readonly cells: readonly (number | null)[];
  readonly drifted: number;
  readonly latest: FeatureDrift;
  readonly excess: number;
}

/** One strip a feature, the most drifted first, on the time axis of the quality chart. */
export function driftSection({ windows }: PageData): Markup {
  const reported = windows.filter((window) => window.drift !== null);
  const span = shownSpan(windows) ?? { from: 0, to: 0 };
  const strips = stripsOf(reported, span).sort((a, b) => b.excess - a.excess || (a.feature < b.feature ? -1 : 1));
  const [shown, rest] = [strips.slice(0, rowsShown), strips.slice(rowsShown)];
  return html`<section id="drift" data-part="drift" aria-labelledby="drift-title">
    <h2 id="drift-title">Drift by feature <small>against the reference of the model that serves; threshold calibrated a feature</small></h2>
    ${
      strips.length === 0
        ? html`<p class="empty">No window has been compared with a model's reference yet.</p>`
        : html`<div class="strips">${shown.map(stripRow)}</div>
          ${rest.length === 0 ? null : html`<details id="drift-rest"><summary>${rest.length} calmer features</summary><div class="strips">${rest.map(stripRow)}</div></details>`}
          ${legend(span, reported.length)}`
    }
  </section>`;
}

function stripsOf(windows: readonly WindowView[], { from, to }: TimeSpan): Strip[] {
  const narrowest = Math.min(...windows.map(({ start, end }) => end - start));
  const cellMs = Math.max(1, narrowest, (to - from) / mostCells);
  const cells = Math.max(1, Math.round((to - from) / cellMs));
  const strips = new Map<string, FeatureStrip>();
  for (const { start, end, drift } of windows) {
    const cell = Math.min(cells - 1, Math.floor(((start + end) / 2 - from) / cellMs));
    for (const point of drift?.features ?? []) {
      const strip = strips.get(point.feature) ?? {
        feature: point.feature,
        worst: new Array(cells).fill(null),
        drifted: 0,
        excess: 0,
        latest: point,
      };
      strips.set(point.feature, strip);
      strip.latest = point;
      if (point.state === 'DRIFT') strip.drifted += 1;
      const ratio = ratioOf(point);
      if (ratio === null) continue;
      strip.worst[cell] = Math.max(strip.worst[cell] ?? 0, ratio);
      strip.excess += Math.min(mostExcess, Math.max(0, ratio - 1));
    }
  }
  return [...strips.values()].map(({ worst, ...strip }) => ({ ...strip, cells: worst.map(levelOf) }));
}

interface FeatureStrip {
  readonly feature: string;
  /** By cell: the greatest statistic in multiples of its threshold. */
  readonly worst: (number | null)[];
  drifted: number;
  excess: number;
  latest: FeatureDrift;
}

function ratioOf({ statistic, threshold }: FeatureDrift): number | null {
  if (statistic === null || threshold === null) return null;
  return threshold > 0 ? statistic / threshold : statistic > 0 ? Number.POSITIVE_INFINITY : 0;
}

function levelOf(ratio: number | null): number | null {
  return ratio === null ? null : levels.findLastIndex((from) => ratio >= from);
}

function stripRow({ feature, cells, drifted, latest }: Strip): Markup {
  const { method } = latest;
  const description = `${feature}: drifted in ${drifted} windows; latest ${method} ${figure(latest.statistic)}, threshold ${figure(latest.threshold)}`;
  const state = latest.state === 'DRIFT' ? 'drift' : 'calm';
  return html`<div class="strip">
    <span class="feature" title="${feature}">${feature}</span>
    <svg viewBox="0 0 ${cells.length} 1" preserveAspectRatio="none" role="img" aria-label="${description}">${[null, ...levels.keys()].map((level) => cellsOf(cells, level))}</svg>
    <span class="latest" data-state="${state}" title="${method}; latest window / threshold"><b>${figure(latest.statistic)}</b> / ${figure(latest.threshold)}</span>
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

function legend({ from, to }: TimeSpan, windows: number): Markup {
  const names = ['quiet', 'half the threshold', 'above it', '1.5 times', '2.5 times'];
  return html`<div class="strip-legend">
    <span></span>
    <p><span>${date(from)}</span>
      <span class="ramp">${names.map((name, level) => html`<span><i class="level-${level}"></i>${name}</span>`)}<span><i class="none"></i>no data</span></span>
      <span>${date(to - 1)}</span></p>
    <span>${count(windows)} windows</span>
  </div>`;
}
