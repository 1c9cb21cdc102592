import type { TurnStage } from '../read-model/shapes.js';
import { causeOf } from './cause.js';
import { count, date, figure, iso, lowerIsBetter, metricTitle, signed, span, time } from './format.js';
import { html, type Markup } from './markup.js';
import type { PageData } from './page-data.js';
import { meanOf } from './quality-data.js';

const doing: Readonly<Record<TurnStage, string>> = {
  requested: 'is about to begin',
  started: 'is taking a snapshot of the data',
  snapshotted: 'is about to train',
  training: 'is training candidates',
  trained: 'is being evaluated on rows that no candidate has seen',
  evaluated: 'has its verdict and is being registered',
  tried: 'tries its model beside the champion',
  ended: 'has ended',
};

/** What is going on, in a sentence or two, and the figures that matter most. */
export function nowSection(data: PageData): Markup {
  return html`<section id="now" data-part="now" aria-label="What is happening now">
    <p class="sentence" aria-live="polite">${sentence(data)}</p>
    ${alarmLines(data)}
    <dl class="figures">${figures(data)}</dl>
  </section>`;
}

function sentence({ state, turns, wall }: PageData): Markup {
  const { champion, turn } = state;
  const serving =
    champion === null
      ? html`No model serves yet.`
      : html`<strong>Model ${champion}</strong> serves${state.frozen === champion ? ', the first one' : ''}${state.pinned ? ', and is pinned' : ''}.`;
  if (state.rollout !== null) return html`${serving} ${trial(state.rollout)}`;
  if (turn === null) {
    const waiting = `The first model is trained when ${count(state.minimumRows)} rows are labelled.`;
    return html`${serving} ${champion === null ? waiting : 'Nothing else to do: the loop watches.'}`;
  }
  const running = turns.find((one) => one.turn === turn.id);
  const why = running === undefined ? '' : ` It began because ${causeOf(running, state)}.`;
  const since = html`<span aria-live="off" data-since="${turn.since.wall}">${span(Math.max(0, wall - turn.since.wall))}</span>`;
  return html`${serving} <strong>Turn ${turn.id}</strong> ${doing[turn.stage]}, since ${since}.${why}`;
}

function trial({
  model,
  strategy,
  step,
  steps,
  share,
  requests,
  rows,
}: NonNullable<PageData['state']['rollout']>): Markup {
  const how =
    strategy === 'shadow'
      ? 'runs beside it and answers nobody'
      : `answers ${count(Math.round(1000 * share) / 10)} % of the requests, step ${step + 1} of ${steps}`;
  return html`<strong>Model ${model}</strong> ${how}: judged on ${count(requests)} requests and ${count(rows)} rows so far.`;
}

function alarmLines({ state }: PageData): Markup | null {
  const lines: Markup[] = [];
  if (state.failingShards.length > 0) {
    const last = state.alarms.findLast((alarm) => alarm.kind === 'data-quality');
    lines.push(
      html`<li>Data quality stops training: ${last?.message ?? 'an expectation is broken'}. Serving goes on.</li>`,
    );
  }
  for (const alarm of state.alarms) {
    if (alarm.kind === 'gap')
      lines.push(html`<li>The log has a gap: ${alarm.message}. Run <code>relearn audit</code>.</li>`);
  }
  return lines.length === 0 ? null : html`<ul class="alarms" role="alert">${lines}</ul>`;
}

function figures({ state, windows }: PageData): Markup[] {
  const metric = metricTitle(state.metric);
  const latest = meanOf(windows, state.trailingWindows);
  const frozen = latest?.frozen ?? null;
  const against =
    latest?.value === undefined || latest.value === null || frozen === null || state.champion === state.frozen
      ? null
      : latest.value - frozen;
  const better = against !== null && (lowerIsBetter(state.metric) ? against <= 0 : against >= 0);
  const compare =
    against === null
      ? html`<small>${state.champion === null ? 'no model yet' : 'the first model serves still'}</small>`
      : html`<small class="${better ? 'better' : 'worse'}">${signed(against)} against the frozen first model</small>`;
  const scored = state.stages.find((stage) => stage.name === 'serving')?.counts['scored'] ?? 0;
  const known =
    state.now === null ? '–' : html`<time datetime="${iso(state.now)}" data-live="now">${time(state.now)}</time>`;
  return [
    html`<div><dt>Business time, UTC</dt><dd>${known}<small>${since(windows)}</small></dd></div>`,
    html`<div><dt>Serving</dt><dd>${state.champion === null ? '–' : `model ${state.champion}`}<small>${state.task}, ${metric}</small></dd></div>`,
    html`<div><dt>Realised ${metric}</dt><dd>${figure(latest?.value)}${compare}</dd></div>`,
    html`<div><dt>Rows scored</dt><dd><span data-live="serving.scored">${count(scored)}</span><small>by the model that serves</small></dd></div>`,
  ];
}

function since(windows: PageData['windows']): string {
  const [first] = windows;
  return first === undefined ? 'no window has closed yet' : `watched since ${date(first.start)}`;
}
