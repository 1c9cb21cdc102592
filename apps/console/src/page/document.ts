import type { PipelineSummary } from '../read-model/shapes.js';
import { driftSection } from './drift.js';
import { flowSection } from './flow.js';
import { html, Markup } from './markup.js';
import { modelsSection } from './models.js';
import { nowSection } from './now.js';
import type { PageData } from './page-data.js';
import { plainSection } from './plain.js';
import { qualitySection } from './quality.js';
import { turnsSection } from './turns.js';

const sections = {
  now: nowSection,
  flow: flowSection,
  quality: qualitySection,
  drift: driftSection,
  turns: turnsSection,
  models: modelsSection,
  plain: plainSection,
} as const;

export type PartName = keyof typeof sections;
export const partNames = Object.keys(sections) as PartName[];

/** Some sections of the page as they are now: what the page's script puts in place of the old ones. */
export function partsOf(data: PageData, parts: readonly PartName[]): string {
  return parts.map((part) => sections[part](data).text).join('\n');
}

/** Style sheets and version that every page carries. */
export interface PageFrame {
  readonly css: string;
  readonly version: string;
}

export function pipelinePage(data: PageData, frame: PageFrame): string {
  const { state } = data;
  const main = html`<main data-pipeline="${state.name}" data-revisions="${JSON.stringify(state.revisions)}">${new Markup(partsOf(data, partNames))}</main>`;
  return page(`${state.name} · Relearn`, header(data.pipelines, state), main, frame, true);
}

function header(pipelines: readonly PipelineSummary[], state: PageData['state']): Markup {
  const tabs = pipelines.map(
    ({ name }) =>
      html`<a href="/?pipeline=${encodeURIComponent(name)}" ${name === state.name ? html`aria-current="page"` : null}>${name}</a>`,
  );
  return html`<header class="top">
    <p class="brand"><span aria-hidden="true">↻</span> Relearn</p>
    ${pipelines.length < 2 ? null : html`<nav aria-label="Pipelines">${tabs}</nav>`}
    <p class="link" id="link" role="status">as of the page's loading</p>
    <h1>${state.name} <small>version ${state.version}</small></h1>
    ${state.description === '' ? null : html`<p class="description">${state.description}</p>`}
  </header>`;
}

export function emptyPage(plain: PageData['plain'], frame: PageFrame): string {
  const main = html`<main class="welcome">
    <h2>No pipeline runs here yet</h2>
    <p>A pipeline is one YAML file. Write one for a table of yours, look at what it would have done, and apply it:</p>
    <ol>
      <li><code>relearn init DATA.csv --name NAME --time COLUMN --label COLUMN</code><span>writes the file</span></li>
      <li><code>relearn check NAME.yaml</code><span>names every mistake by line and column</span></li>
      <li><code>relearn backtest NAME.yaml</code><span>tells what this policy would have done on the data</span></li>
      <li><code>relearn apply NAME.yaml</code><span>puts it in force; then send events, or <code>relearn replay NAME.yaml</code></span></li>
    </ol>
    <p>Or see a year of flights go by: stop this process and run <code>npm start</code>.</p>
    ${plainSection({ plain })}
  </main>`;
  const top = html`<header class="top"><p class="brand"><span aria-hidden="true">↻</span> Relearn</p><p class="link" id="link" role="status"></p></header>`;
  return page('Relearn', top, main, frame, true);
}

/** Something went wrong that the visitor can see: an unknown pipeline. */
export function errorPage(message: string, frame: PageFrame): string {
  const top = html`<header class="top"><p class="brand"><a href="/"><span aria-hidden="true">↻</span> Relearn</a></p></header>`;
  return page(
    'Relearn',
    top,
    html`<main class="welcome"><h2>${message}</h2><p><a href="/">All pipelines</a></p></main>`,
    frame,
    false,
  );
}

function page(title: string, top: Markup, main: Markup, { css, version }: PageFrame, live: boolean): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='5.5' fill='none' stroke='%230b7a75' stroke-width='3' stroke-dasharray='26 9'/%3E%3C/svg%3E">
<style>${new Markup(css)}</style>
${live ? html`<script type="module" src="/assets/console.js"></script>` : null}
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
${top}
<div id="content" tabindex="-1">${main}</div>
<footer><p>Relearn ${version}. Times are business time, UTC. <a href="/api/v1/openapi.json">REST API</a> · <a href="/metrics">metrics</a></p></footer>
</body>
</html>
`.text;
}
