import { date, figure, lowerIsBetter, metricTitle } from './format.js';
import { html, jsonScript, type Markup } from './markup.js';
import type { PageData } from './page-data.js';
import { type QualityData, qualityData } from './quality-data.js';

const width = 1_000;
const height = 260;

/** Realised quality over time: drawn here for the first sight, then by uPlot from the same figures. */
export function qualitySection({ state, windows, takeovers }: PageData): Markup {
  const data = qualityData(windows, takeovers, state.trailingWindows);
  const metric = metricTitle(state.metric);
  const direction = lowerIsBetter(state.metric) ? 'lower is better' : 'higher is better';
  return html`<section id="quality" data-part="quality" aria-labelledby="quality-title">
    <h2 id="quality-title">Realised quality <small>${metric}, ${direction}; lines: mean of ${state.trailingWindows} windows, dots: one window</small></h2>
    ${data.times.length === 0 ? html`<p class="empty">No window has its labels yet. Quality shows here as labels come in.</p>` : chart(data, metric)}
  </section>`;
}

function chart(data: QualityData, metric: string): Markup {
  const latest = (values: readonly (number | null)[]) => figure(values.findLast((value) => value !== null));
  const description = `${metric} from ${date(data.times[0] ?? 0)} to ${date(data.times.at(-1) ?? 0)}: the serving model ends at ${latest(data.mean)}, the frozen first model at ${latest(data.frozenMean)}.`;
  return html`<figure class="aligned">
    <ul class="keys" aria-hidden="true">
      <li class="key-serving">serving model <b>${latest(data.mean)}</b></li>
      <li class="key-frozen">frozen first model <b>${latest(data.frozenMean)}</b></li>
      <li class="key-reference">at hold-out <b>${latest(data.reference)}</b></li>
    </ul>
    <div class="chart" id="quality-chart" role="img" aria-label="${description}">${drawing(data)}</div>
    ${jsonScript('quality-data', data)}
  </figure>`;
}

function drawing(data: QualityData): Markup {
  const all = [...data.mean, ...data.frozenMean, ...data.reference].filter((value) => value !== null);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const pad = (high - low || 0.1) * 0.12;
  const { from, to } = data.span;
  const x = (time: number) => Math.round(((time - from) / (to - from)) * width);
  const y = (value: number) => (height - ((value - low + pad) / (high - low + 2 * pad)) * height).toFixed(1);
  const line = (values: readonly (number | null)[], kind: string) => {
    let path = '';
    let broken = true;
    for (const [index, value] of values.entries()) {
      if (value !== null) path += `${broken ? 'M' : 'L'}${x(data.times[index] ?? 0)} ${y(value)}`;
      broken = value === null;
    }
    return html`<path class="${kind}" d="${path}"/>`;
  };
  const marks = data.takeovers.filter(({ time }) => time > from && time < to);
  return html`<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" aria-hidden="true">
    ${marks.map(({ time }) => html`<path class="takeover" d="M${x(time)} 0V${height}"/>`)}
    ${line(data.reference, 'reference')}${line(data.frozenMean, 'frozen')}${line(data.mean, 'serving')}
  </svg>`;
}
