import { setTimeout as sleep } from 'node:timers/promises';

const name = 'recovery';
const file = `name: ${name}
source:
  rows: { time: at, id: [id] }
schema:
  columns:
    id: string
    at: timestamp
    x: { type: number, range: [0, 1] }
    kind: { type: category, values: [red, green, blue] }
    good: { type: boolean, nullable: true, known_at: label }
label: { column: good, delay: 1s, max_delay: 2s }
features: [x, kind]
train:
  task: binary
  minimum_rows: 200
  window: 30s
  candidates:
    - { trainer: logistic }
evaluate:
  metrics: [roc_auc]
  champion: { confidence: 0.6, tolerance: 0.5, rounds: 100 }
monitor:
  window: 1s
  performance: { windows: 2, minimum_labels: 10 }
retrain: { performance: null, drift: null, cooldown: 1s }
`;
const everyMs = 100;
const rowsEach = 4;
const labelAfterMs = 1_200;

async function posted(url, body) {
  const headers = { 'content-type': 'application/json' };
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5_000),
    });
    return { status: answer.status, body: await answer.json() };
  } catch {
    return { status: 0, body: null };
  }
}

/** Rows and labels of this moment, and one turn after another. What is not taken is not sent again. */
export class Load {
  stopped = false;
  /** Machine times at which turns ended that had been asked for since. */
  ended = [];

  constructor(url) {
    this.url = url;
  }

  /** Resolves when a first model has been promoted and turns go on. */
  async start() {
    const { status, body } = await posted(`${this.url}/api/v1/pipelines`, { name: 'recovery.yaml', file });
    if (status !== 200) throw new Error(`the pipeline is not applied: ${JSON.stringify(body)}`);
    this.sending = this.send();
    while ((await this.turns()).every(({ outcome }) => outcome === null)) await sleep(everyMs);
    this.asking = this.ask();
  }

  async stop() {
    this.stopped = true;
    await Promise.all([this.sending, this.asking]);
  }

  /** Machine milliseconds until a turn has ended that was asked for from now on. */
  async turnAfter() {
    const from = performance.now();
    for (;;) {
      const found = this.ended.find(({ askedAt }) => askedAt >= from);
      if (found !== undefined) return found.endedAt - from;
      await sleep(20);
    }
  }

  async send() {
    for (let batch = 0; !this.stopped; batch++) {
      const at = new Date().toISOString();
      const rows = Array.from({ length: rowsEach }, (_, row) => {
        const kind = ['red', 'green', 'blue'][row % 3];
        return { id: `${batch}-${row}`, at, x: ((batch * 7 + row * 3) % 100) / 100, kind };
      });
      const labels = rows.map(({ id, x }) => ({ event_id: id, value: x > 0.5 }));
      void posted(`${this.url}/v1/events/${name}`, rows);
      void sleep(labelAfterMs).then(() => posted(`${this.url}/v1/labels/${name}`, labels));
      await sleep(everyMs);
    }
  }

  async ask() {
    while (!this.stopped) {
      const before = new Set((await this.turns()).map(({ request }) => request));
      const askedAt = performance.now();
      const { status } = await posted(`${this.url}/api/v1/pipelines/${name}/retrain`, {});
      if (status === 202) await this.turnBeyond(before, askedAt);
      else await sleep(everyMs);
    }
  }

  /** Waits for the end of a turn that is none of those before; another one is asked for when it takes very long. */
  async turnBeyond(before, askedAt) {
    while (!this.stopped && performance.now() - askedAt < 60_000) {
      const turns = await this.turns();
      if (turns.some(({ request, outcome }) => !before.has(request) && outcome !== null)) {
        this.ended.push({ askedAt, endedAt: performance.now() });
        return;
      }
      await sleep(50);
    }
  }

  async turns() {
    try {
      const answer = await fetch(`${this.url}/api/v1/pipelines/${name}/turns`, { signal: AbortSignal.timeout(5_000) });
      return (await answer.json()).turns ?? [];
    } catch {
      return [];
    }
  }
}
