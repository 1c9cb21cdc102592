import type { ModelView } from '../read-model/shapes.js';
import { figure, iso, metricTitle, time } from './format.js';
import { html, type Markup } from './markup.js';
import type { PageData } from './page-data.js';

const shown = 12;

export function modelsSection({ models, state }: PageData): Markup {
  const metrics = [...new Set(models.flatMap((model) => Object.keys(model.metrics)))].sort(
    (a, b) => Number(b === state.metric) - Number(a === state.metric),
  );
  const columns = metrics.slice(0, 3);
  const table = (some: readonly ModelView[]) => html`<div class="scroll"><table class="models">
    <thead><tr><th scope="col">Model</th><th scope="col">State</th><th scope="col">Verdict</th>
      ${columns.map((metric) => html`<th scope="col" class="number">${metricTitle(metric)}</th>`)}
      <th scope="col">Champion since</th><th scope="col">Turn</th><th scope="col">Bundle</th></tr></thead>
    <tbody>${some.map((model) => row(model, columns))}</tbody>
  </table></div>`;
  return html`<section id="models" data-part="models" aria-labelledby="models-title">
    <h2 id="models-title">Models <small>figures on the hold-out rows</small></h2>
    ${models.length === 0 ? html`<p class="empty">No model has been registered yet.</p>` : table(models.slice(0, shown))}
    ${models.length <= shown ? null : html`<details id="models-rest"><summary>${models.length - shown} older versions</summary>${table(models.slice(shown))}</details>`}
  </section>`;
}

function row(model: ModelView, metrics: readonly string[]): Markup {
  const promoted =
    model.promoted === null
      ? '–'
      : html`<time datetime="${iso(model.promoted.business)}">${time(model.promoted.business)}</time>`;
  return html`<tr data-champion="${String(model.champion)}">
    <th scope="row">${model.model}</th><td>${standing(model)}</td><td>${verdictMark(model.verdict)}</td>
    ${metrics.map((metric) => html`<td class="number">${figure(model.metrics[metric])}</td>`)}
    <td>${promoted}</td><td>${model.turn}</td><td><code title="${model.bundle}">${model.bundle.slice(0, 10)}</code></td>
  </tr>`;
}

function standing({ champion, frozen, promoted }: ModelView): Markup {
  const chips = [
    champion ? html`<span class="chip serves">serves</span>` : null,
    frozen ? html`<span class="chip frozen">frozen</span>` : null,
    !champion && !frozen
      ? html`<span class="chip">${promoted === null ? 'never served' : 'former champion'}</span>`
      : null,
  ];
  return html`${chips}`;
}

const marks = { passed: '✓', rejected: '✗', inconclusive: '≈' } as const;

export function verdictMark(verdict: keyof typeof marks): Markup {
  return html`<span class="verdict ${verdict}"><i aria-hidden="true">${marks[verdict]}</i> ${verdict}</span>`;
}
