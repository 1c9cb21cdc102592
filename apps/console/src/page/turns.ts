import type { Gate } from '@relearn/contracts';
import type { PipelineState, TurnStage, TurnView } from '../read-model/shapes.js';
import { causeOf } from './cause.js';
import { count, date, figure, iso, metricTitle, span, time } from './format.js';
import { html, type Markup } from './markup.js';
import { verdictMark } from './models.js';
import type { PageData } from './page-data.js';

const shown = 12;
/** The newest turns have their figures open. */
const openTurns = 2;

export function turnsSection({ turns, state, wall }: PageData): Markup {
  return html`<section id="turns" data-part="turns" aria-labelledby="turns-title">
    <h2 id="turns-title">Turns <small>why each retrain was asked for, what its gates measured, how it ended</small></h2>
    ${turns.length === 0 ? html`<p class="empty">No retrain has been asked for yet.</p>` : null}
    <ol class="turns">${turns.slice(0, shown).map((turn, index) => turnCard(turn, state, wall, index < openTurns))}</ol>
    ${turns.length <= shown ? null : html`<details id="turns-rest"><summary>${turns.length - shown} earlier requests</summary><ol class="turns">${turns.slice(shown).map((turn) => turnCard(turn, state, wall, false))}</ol></details>`}
  </section>`;
}

function turnCard(turn: TurnView, state: PipelineState, wall: number, open: boolean): Markup {
  const asked = turn.stages.requested?.business ?? 0;
  const name = turn.turn ?? turn.request;
  const figures = html`${snapshotLine(turn)}${candidateList(turn, state.metric)}${gateTable(turn.gates)}`;
  const hasFigures = turn.gates.length + turn.candidates.length > 0;
  return html`<li class="turn" data-outcome="${turn.outcome ?? 'running'}">
    <header>
      <h3>${name}</h3>
      <span class="chip ${turn.outcome ?? 'running'}">${outcomeOf(turn)}</span>
      <time datetime="${iso(asked)}">${time(asked)}</time>
    </header>
    <p class="cause"><b>${turn.reason}</b>: ${causeOf(turn, state)}.</p>
    ${turn.turn === null ? null : track(turn, wall)}
    ${turn.outcome !== null && turn.outcome !== 'promoted' && turn.detail !== '' ? html`<p class="detail">${turn.detail}</p>` : null}
    ${hasFigures ? html`<details id="turn-${turn.request}" ${open ? html`open` : null}><summary>Gates and candidates</summary>${figures}</details>` : null}
  </li>`;
}

function outcomeOf({ outcome, model }: TurnView): string {
  if (outcome === null) return 'running';
  return outcome === 'promoted' && model !== null ? `promoted model ${model}` : outcome;
}

const segments: readonly (readonly [name: string, from: TurnStage, to: TurnStage])[] = [
  ['snapshot', 'started', 'snapshotted'],
  ['training', 'snapshotted', 'trained'],
  ['evaluation', 'trained', 'evaluated'],
  ['registry', 'evaluated', 'tried'],
  ['rollout', 'tried', 'ended'],
];

/** How long each step took on the machine's clock, as widths of a bar. A running turn's last step grows. */
function track({ stages, outcome }: TurnView, wall: number): Markup {
  // A turn whose model takes over at once has none that is tried.
  const reached = (stage: TurnStage) => stages[stage] ?? (stage === 'tried' ? stages.ended : undefined);
  const parts = segments.flatMap(([name, from, to]) => {
    const start = stages[from]?.wall;
    const end = reached(to)?.wall ?? (outcome === null ? wall : undefined);
    return start === undefined || end === undefined
      ? []
      : [{ name, ms: Math.max(0, end - start), running: reached(to) === undefined }];
  });
  const all = parts.reduce((sum, part) => sum + part.ms, 0);
  const share = (ms: number) => Math.max(2, Math.round((ms / (all || 1)) * 100));
  return html`<div class="track">
    <div class="bar" aria-hidden="true">${parts.map((part) => html`<i class="step-${part.name}" style="flex-grow:${share(part.ms)}"></i>`)}</div>
    <p>${parts.map((part) => html`<span class="step-${part.name}">${part.name} ${part.running ? 'for ' : ''}${span(part.ms)}</span>`)}<span>${span(all)} in all</span></p>
  </div>`;
}

function snapshotLine({ snapshot }: TurnView): Markup | null {
  if (snapshot === null) return null;
  const { rows, labelled, from, to } = snapshot;
  return html`<p class="snapshot">Trained on ${count(labelled)} labelled of ${count(rows)} rows, ${date(from)} to ${date(to)}.</p>`;
}

function candidateList({ candidates, winner }: TurnView, metric: string): Markup | null {
  if (candidates.length === 0) return null;
  const rows = candidates.map(({ name, metrics, failure }) => {
    const value = failure === null ? figure(metrics[metric]) : `failed: ${failure}`;
    return html`<li>${name === winner ? html`<b>${name} ${value}</b> chosen` : `${name} ${value}`}</li>`;
  });
  return html`<ul class="candidates" aria-label="Candidates by ${metricTitle(metric)} on the validation rows">${rows}</ul>`;
}

function gateTable(gates: readonly Gate[]): Markup | null {
  if (gates.length === 0) return null;
  const rows = gates.map(
    ({ name, verdict, value, threshold, detail }) => html`<tr>
      <th scope="row">${name}</th><td class="number">${figure(value)}</td><td class="number">${figure(threshold)}</td>
      <td>${verdictMark(verdict)}</td><td class="note">${detail}</td></tr>`,
  );
  return html`<div class="scroll"><table class="gates"><thead><tr><th scope="col">Gate</th><th scope="col" class="number">Value</th>
    <th scope="col" class="number">Limit</th><th scope="col">Verdict</th><th scope="col">How</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}
