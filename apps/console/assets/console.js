// Keeps the page live: counts from the stream of updates, sections from the server as it would render them now.
import { drawQuality } from '/assets/chart.js';

const main = document.querySelector('main');
const pipeline = main?.dataset.pipeline;
const link = document.getElementById('link');
const counts = new Intl.NumberFormat('en');
const times = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
});

/** Which sections show what a revision counts. */
const partsOf = {
  models: ['now', 'quality', 'models'],
  turns: ['now', 'turns'],
  windows: ['now', 'quality', 'drift'],
  alarms: ['now', 'turns'],
};
const refreshEveryMs = 1500;

let revisions = JSON.parse(main?.dataset.revisions ?? '{}');
const stale = new Set();
let refreshing = false;

function say(state, text) {
  if (link === null) return;
  link.dataset.live = state;
  link.textContent = text;
}

function put(name, text) {
  for (const element of document.querySelectorAll(`[data-live="${name}"]`))
    if (element.textContent !== text) element.textContent = text;
}

function showCounts(state) {
  for (const { name, state: doing, counts: figures } of state.stages) {
    const card = document.querySelector(`[data-stage="${name}"]`);
    if (card === null) continue;
    if (Object.keys(figures).length !== card.querySelectorAll('[data-live]').length) stale.add('flow');
    card.dataset.state = doing;
    for (const [key, value] of Object.entries(figures)) put(`${name}.${key}`, counts.format(value));
  }
  const { difference, atLeast, ...sum } = state.conservation;
  for (const [key, value] of Object.entries(sum)) put(`conservation.${key}`, counts.format(value));
  const balance = document.querySelector('[data-balance]');
  if (balance !== null) {
    balance.dataset.balance = difference === 0 ? 'even' : 'odd';
    const odd = `${counts.format(Math.abs(difference))} ${difference > 0 ? 'are missing' : 'are too many'}`;
    const text = difference !== 0 ? odd : atLeast ? 'adds up; more than this is waiting' : 'adds up';
    if (balance.textContent !== text) balance.textContent = text;
  }
  if (state.now !== null) put('now', times.format(state.now));
}

function noteRevisions(next) {
  for (const [name, value] of Object.entries(next)) {
    if (value !== revisions[name]) for (const part of partsOf[name] ?? []) stale.add(part);
  }
  revisions = next;
  void refresh();
}

async function refresh() {
  if (refreshing || stale.size === 0) return;
  refreshing = true;
  const parts = [...stale];
  stale.clear();
  try {
    const answer = await fetch(`/?pipeline=${encodeURIComponent(pipeline)}&parts=${parts.join(',')}`);
    if (answer.ok) replaceParts(await answer.text());
  } catch {
    for (const part of parts) stale.add(part);
  }
  setTimeout(() => {
    refreshing = false;
    void refresh();
  }, refreshEveryMs);
}

/** Puts fresh sections in place; what a reader has opened, closed or focused stays so. */
function replaceParts(text) {
  const fresh = new DOMParser().parseFromString(text, 'text/html');
  for (const section of fresh.querySelectorAll('[data-part]')) {
    const old = document.getElementById(section.id);
    if (old === null || old.innerHTML === section.innerHTML) continue;
    for (const details of section.querySelectorAll('details[id]')) {
      const before = document.getElementById(details.id);
      if (before !== null) details.open = before.open;
    }
    const focused = old.contains(document.activeElement) ? document.activeElement.closest('details')?.id : undefined;
    old.replaceWith(document.adoptNode(section));
    if (focused !== undefined) document.getElementById(focused)?.querySelector('summary')?.focus();
    if (section.id === 'quality') drawQuality();
  }
}

function span(ms) {
  if (ms < 60_000) return `${(ms / 1000).toFixed(0)} s`;
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60
    ? `${minutes} min ${Math.floor((ms % 60_000) / 1000)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function follow() {
  const updates = new EventSource(
    `/api/v1/stream${pipeline === undefined ? '' : `?pipeline=${encodeURIComponent(pipeline)}`}`,
  );
  updates.addEventListener('open', () => say('on', 'live'));
  updates.addEventListener('error', () => say('off', 'not connected; trying again'));
  updates.addEventListener('state', ({ data }) => {
    const state = JSON.parse(data);
    showCounts(state);
    noteRevisions(state.revisions);
  });
  updates.addEventListener('pipelines', ({ data }) => {
    if (JSON.parse(data).pipelines.length > 0) location.reload();
  });
}

setInterval(() => {
  for (const element of document.querySelectorAll('[data-since]'))
    element.textContent = span(Date.now() - Number(element.dataset.since));
}, 1000);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawQuality);
drawQuality();
follow();
