import type { Conservation, StageName, StageView } from '../read-model/shapes.js';
import { count } from './format.js';
import { html, type Markup } from './markup.js';
import type { PageData } from './page-data.js';

const purposes: Readonly<Record<StageName, string>> = {
  ingestion: 'takes events in',
  validation: 'holds them to the contract',
  feature: 'computes and logs features',
  serving: 'answers and scores',
  monitoring: 'compares with the reference',
  training: 'fits the candidates',
  evaluation: 'judges the best one',
  registry: 'keeps versions, moves the champion',
};

const labels: Readonly<Record<string, string>> = { scored: 'rows scored' };

/** The two rows of the drawing: how data goes, and how a turn of the loop goes. */
const upper: readonly StageName[] = ['ingestion', 'validation', 'feature', 'serving', 'monitoring'];
const lower: readonly StageName[] = ['training', 'evaluation', 'registry'];

export function flowSection({ state }: PageData): Markup {
  const stages = new Map(state.stages.map((stage) => [stage.name, stage]));
  const card = (name: StageName) => {
    const stage = stages.get(name);
    return stage === undefined ? null : stageCard(stage);
  };
  return html`<section id="flow" data-part="flow" aria-labelledby="flow-title">
    <h2 id="flow-title">The loop</h2>
    <div class="flow">
      ${upper.map(card)}
      <div class="wire wire-features" aria-hidden="true"><span>feature rows</span></div>
      ${conservation(state.conservation)}
      ${lower.map(card)}
      <div class="wire wire-retrain" aria-hidden="true"><span>retrain</span></div>
    </div>
  </section>`;
}

function stageCard({ name, state, counts }: StageView): Markup {
  const [head, ...rest] = Object.entries(counts);
  const shown = (key: string, value: number) => html`<span data-live="${name}.${key}">${count(value)}</span>`;
  const status = state === 'alarm' ? 'alarm' : state === 'working' ? 'working' : 'idle';
  return html`<article class="stage at-${name}" data-stage="${name}" data-state="${status}" aria-label="${name}">
    <h3><i class="dot" aria-hidden="true"></i>${name}</h3>
    ${head === undefined ? html`<p class="big">0</p>` : html`<p class="big">${shown(head[0], head[1])} <small>${labels[head[0]] ?? head[0]}</small></p>`}
    <ul>${rest.map(([key, value]) => html`<li>${shown(key, value)} ${labels[key] ?? key}</li>`)}</ul>
    <p class="purpose">${purposes[name]}</p>
  </article>`;
}

/** The conservation sum as a sum on paper: every record that came is in exactly one line. */
function conservation(sum: Conservation): Markup {
  const line = (name: keyof Conservation, label: string, sign: string) =>
    html`<tr><td>${sign}</td><th scope="row">${label}</th><td data-live="conservation.${name}">${count(Number(sum[name]))}</td></tr>`;
  return html`<div class="ledger">
    <table>
      <caption>Every record, counted once</caption>
      <tbody>
        ${line('validated', 'validated', '')}
        ${line('quarantined', 'quarantined', '+')}
        ${line('duplicates', 'duplicates', '+')}
        ${line('deadLettered', 'dead-lettered', '+')}
        ${line('pending', 'pending', '+')}
      </tbody>
      <tfoot>${line('received', 'received', '=')}</tfoot>
    </table>
    <p data-balance="${sum.difference === 0 ? 'even' : 'odd'}">${balance(sum)}</p>
  </div>`;
}

export function balance({ difference, atLeast }: Conservation): string {
  if (difference !== 0) return `${count(Math.abs(difference))} ${difference > 0 ? 'are missing' : 'are too many'}`;
  return atLeast ? 'adds up; more than this is waiting' : 'adds up';
}
