import type { Chance } from '@relearn/kernel';
import { type LiveRow, pipelineName, rowAt } from './live-pipeline.js';

/** Rows a batch, and the time between batches. */
const batchRows = 5;
const everyMs = 250;
const labelAfterMs = 1_200;
const patienceMs = 10_000;
/** A batch in so many is sent twice, and one comes out of its order. */
const twiceEvery = 10;
const laterEvery = 15;

/**
 * A producer as careful as one should be: it sends a batch again until it has been acknowledged, and keeps a list of what
 * has been. Some batches it sends twice, some later than those that follow.
 */
export class Producer {
  /** Ids of acknowledged rows, with the wall time of the acknowledgement. */
  readonly rows = new Map<string, number>();
  /** Event ids of acknowledged labels. */
  readonly labels = new Set<string>();
  /** Requests that were not answered by 202 and were sent again. */
  repeated = 0;
  private readonly url: string;
  private readonly chance: Chance;
  private readonly running = new Set<Promise<void>>();
  private timer: ReturnType<typeof setInterval> | undefined;
  private sent = 0;

  constructor(url: string, chance: Chance) {
    this.url = url;
    this.chance = chance;
  }

  start(): void {
    const began = Date.now();
    this.timer = setInterval(() => {
      const now = Date.now();
      const rows = Array.from({ length: batchRows }, () => rowAt(now, now - began, this.sent++, this.chance));
      this.keep(this.deliver(rows, this.sent / batchRows));
    }, everyMs);
  }

  /** Resolves when everything that was begun has been acknowledged. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    while (this.running.size > 0) await Promise.all(this.running);
  }

  private keep(work: Promise<void>): void {
    this.running.add(work);
    void work.finally(() => this.running.delete(work));
  }

  private async deliver(rows: readonly LiveRow[], batch: number): Promise<void> {
    if (batch % laterEvery === 0) await pause(3 * everyMs);
    const records = rows.map(({ row }) => row);
    await this.post('events', records);
    for (const { row } of rows) this.rows.set(String(row['id']), Date.now());
    if (batch % twiceEvery === 0) await this.post('events', records);
    await pause(labelAfterMs);
    const labels = rows.map(({ label }) => label);
    await this.post('labels', labels);
    for (const { event_id: id } of labels) this.labels.add(id);
  }

  private async post(what: 'events' | 'labels', records: readonly object[]): Promise<void> {
    const body = JSON.stringify(records);
    for (;;) {
      const status = await this.attempt(what, body);
      if (status === 202) return;
      // A record that is refused would be refused for ever.
      if (status === 400) throw new Error(`${what} were refused: ${body}`);
      this.repeated += 1;
      await pause(100 + this.chance.next() * 200);
    }
  }

  private async attempt(what: string, body: string): Promise<number> {
    try {
      const response = await fetch(`${this.url}/v1/${what}/${pipelineName}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(patienceMs),
      });
      const text = await response.text();
      return response.status === 202 && text !== '' ? 202 : response.status;
    } catch {
      return 0;
    }
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
