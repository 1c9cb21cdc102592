import type { Chance } from '@relearn/kernel';
import { type LiveRow, pipelineName, rowAt } from './live-pipeline.js';

/** Rows a batch, and the time between batches. */
const batchRows = 5;
const everyMs = 250;
const labelAfterMs = 1_200;
const patienceMs = 10_000;
/** With so many requests unanswered it waits before it sends more: who cannot answer is not helped by more of them. */
const mostUnanswered = 12;
const firstPauseMs = 100;
const longestPauseMs = 2_000;

/** How a producer's network may treat a batch; each befalls one batch in so many. */
const mistreatments = {
  /** Sent again at once. */
  doubled: 10,
  /** Sent again when its windows have long been closed. */
  'doubled late': 16,
  /** Out of its order, but within the pipeline's lateness. */
  reordered: 15,
  /** It comes when the pipeline's lateness is over, and its window. */
  'past the lateness': 12,
  /** The same, and its labels come before it. */
  'labels before rows': 23,
  /** Labels come when they count as missing. */
  'labels past their delay': 19,
} as const;
export type Mistreatment = keyof typeof mistreatments;

const reorderedMs = 3 * everyMs;
const pastLatenessMs = [4_000, 9_000] as const;
const longAfterMs = [12_000, 20_000] as const;

/**
 * A producer as careful as one should be: it sends a batch again until it has been acknowledged, and keeps a list of what
 * has been. What it sends is doubled, reordered and delayed.
 */
export class Producer {
  /** Ids of acknowledged rows, with the wall time of the acknowledgement. */
  readonly rows = new Map<string, number>();
  /** Event ids of acknowledged labels. */
  readonly labels = new Set<string>();
  /** Batches that were mistreated so. */
  readonly mistreated = new Map<Mistreatment, number>();
  /** Requests that were not answered by 202 and were sent again. */
  repeated = 0;
  /** Why it cannot go on. */
  failure: Error | undefined;
  private readonly url: string;
  private readonly chance: Chance;
  private readonly running = new Set<Promise<void>>();
  private timer: ReturnType<typeof setInterval> | undefined;
  private sent = 0;
  private unanswered = 0;
  private givenUp = false;

  constructor(url: string, chance: Chance) {
    this.url = url;
    this.chance = chance;
  }

  start(): void {
    const began = Date.now();
    this.timer = setInterval(() => {
      if (this.unanswered >= mostUnanswered) return;
      const now = Date.now();
      const rows = Array.from({ length: batchRows }, () => rowAt(now, now - began, this.sent++, this.chance));
      this.keep(this.deliver(rows, this.sent / batchRows));
    }, everyMs);
  }

  /** Resolves when everything that was begun has been acknowledged. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    while (this.running.size > 0) await Promise.all(this.running);
    if (this.failure !== undefined) throw this.failure;
  }

  /** Sends nothing more, whatever has not been acknowledged. */
  giveUp(): void {
    clearInterval(this.timer);
    this.givenUp = true;
  }

  private keep(work: Promise<void>): void {
    const kept = work
      .catch((thrown: unknown) => {
        this.failure ??= thrown instanceof Error ? thrown : new Error(String(thrown));
      })
      .finally(() => void this.running.delete(kept));
    this.running.add(kept);
  }

  private async deliver(rows: readonly LiveRow[], batch: number): Promise<void> {
    const early = this.mistreats('labels before rows', batch);
    if (early) await Promise.all([this.deliverRows(rows, batch, true), this.deliverLabels(rows, batch)]);
    else {
      await this.deliverRows(rows, batch, false);
      await this.deliverLabels(rows, batch);
    }
  }

  private async deliverRows(rows: readonly LiveRow[], batch: number, late: boolean): Promise<void> {
    const records = rows.map(({ row }) => row);
    if (late || this.mistreats('past the lateness', batch)) await this.wait(pastLatenessMs);
    else if (this.mistreats('reordered', batch)) await pause(reorderedMs);
    await this.post('events', records);
    for (const { row } of rows) this.rows.set(String(row['id']), Date.now());
    if (this.mistreats('doubled', batch)) await this.post('events', records);
    if (this.mistreats('doubled late', batch)) this.keep(this.later(() => this.post('events', records)));
  }

  private async deliverLabels(rows: readonly LiveRow[], batch: number): Promise<void> {
    const labels = rows.map(({ label }) => label);
    if (this.mistreats('labels past their delay', batch)) await this.wait(longAfterMs);
    else await pause(labelAfterMs);
    await this.post('labels', labels);
    for (const { event_id: id } of labels) this.labels.add(id);
    if (this.mistreats('doubled', batch)) await this.post('labels', labels);
    if (this.mistreats('doubled late', batch)) this.keep(this.later(() => this.post('labels', labels)));
  }

  private mistreats(how: Mistreatment, batch: number): boolean {
    if (batch % mistreatments[how] !== 0) return false;
    this.mistreated.set(how, (this.mistreated.get(how) ?? 0) + 1);
    return true;
  }

  private async later(work: () => Promise<void>): Promise<void> {
    await this.wait(longAfterMs);
    await work();
  }

  private async wait([least, most]: readonly [number, number]): Promise<void> {
    await pause(least + this.chance.next() * (most - least));
  }

  private async post(what: 'events' | 'labels', records: readonly object[]): Promise<void> {
    const body = JSON.stringify(records);
    this.unanswered += 1;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, 2 * pauseMs)) {
      const status = await this.attempt(what, body);
      if (status === 202) break;
      if (this.givenUp) throw new Error('the producer was told to give up');
      // A record that is refused would be refused for ever.
      if (status === 400) throw new Error(`${what} were refused: ${body}`);
      this.repeated += 1;
      await pause(pauseMs * (0.5 + this.chance.next()));
    }
    this.unanswered -= 1;
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
