import type { Attributes, LoggedEvent } from '@relearn/contracts';
import { inputsOrdered, timerFired } from '@relearn/contracts';
import { canonicalJson, RelearnError, retry } from '@relearn/kernel';
import type { Document } from '@relearn/store';
import type { Ports } from '../ports.js';
import {
  type AggregateDocument,
  applyDecision,
  decodeAggregate,
  emptyAggregate,
  encodeAggregate,
  type Handling,
  outboxRecords,
} from './aggregate.js';
import type { Decider, Decision, Due, Facts, JobOrder, JobResult } from './definition.js';
import { own } from './definition.js';
import { foldInput, outOfOrder } from './fold-event.js';
import { JobRunner } from './job-runner.js';
import { savedIfDue } from './saved-aggregates.js';
import { AggregateTimers } from './timers.js';

interface Held {
  readonly version: number;
  readonly document: AggregateDocument;
}

/** What a handling does to an aggregate; null leaves it as it is. */
type Change = (document: AggregateDocument) => AggregateDocument | null | Promise<AggregateDocument | null>;

/** Blobs kept at hand for decisions. */
const factsKept = 64;
const pageSize = 200;

export function aggregateCollection(service: string): string {
  return `aggregates-${service}`;
}

function pipelineOf(aggregate: string): string {
  return aggregate.split('/')[0] ?? aggregate;
}

/**
 * Keeps a decider's aggregates: one change at a time each, written by compare-and-set with the outbox in the same
 * document; the outbox is published, then cleared. Starts the jobs and timers that documents hold, also after a crash.
 */
export class AggregateHost<S> {
  private readonly ports: Ports;
  private readonly decider: Decider<S>;
  private readonly held = new Map<string, Held>();
  private readonly queues = new Map<string, Promise<unknown>>();
  private readonly timers: AggregateTimers;
  private readonly jobs: JobRunner;
  private readonly known = new Map<string, Uint8Array>();
  /** Unfinished documents of the last look, by id: their versions. */
  private looked: ReadonlyMap<string, number> = new Map();
  private readonly stopping = new AbortController();
  private active = 0;
  private released = false;

  constructor(ports: Ports, decider: Decider<S>) {
    this.ports = ports;
    this.decider = decider;
    this.jobs = new JobRunner(ports, decider.service, decider.jobs ?? {}, {
      finish: (aggregate, job, result) => this.finishJob(aggregate, job, result),
      stillDue: (aggregate, job) => this.stillDue(aggregate, job),
    });
    this.timers = new AggregateTimers(ports, (aggregate, timer) => this.fireTimer(aggregate, timer));
  }

  busy(): boolean {
    return this.active > 0;
  }

  /**
   * Resumes what documents left to do: outboxes whosever they are, for a door may have died elsewhere; jobs and timers of the
   * partition, if one is given. By what the store says now: this process may have had the partition before.
   */
  async resume(partition: number | null): Promise<void> {
    const wanted = (document: AggregateDocument) =>
      document.outbox.length > 0 || (document.partition === partition && this.isWaiting(document));
    for await (const { id } of this.documents(wanted)) await this.changeStored(id, () => null);
  }

  /**
   * Resumes what documents of these partitions have had to do since the last look: a process that has not the partition may
   * have written them for a door, and died for good.
   */
  async lookAfter(partitions: ReadonlySet<number>): Promise<void> {
    const wanted = (document: AggregateDocument) =>
      partitions.has(document.partition) && (document.outbox.length > 0 || this.isWaiting(document));
    const seen = new Map<string, number>();
    for await (const { id, version } of this.documents(wanted)) {
      seen.set(id, version);
      if (this.looked.get(id) === version) await this.changeStored(id, () => null);
    }
    this.looked = seen;
    // Whoever has lost a partition is not told any more what is not wanted of its jobs.
    for (const id of this.jobs.aggregates()) await this.changeStored(id, () => null);
  }

  private async *documents(wanted: (document: AggregateDocument) => boolean): AsyncGenerator<Document> {
    const collection = aggregateCollection(this.decider.service);
    let after = '';
    for (;;) {
      const page = await this.retrying(() => this.ports.store.list(collection, { limit: pageSize, after }));
      yield* page.filter(({ body }) => wanted(decodeAggregate(body)));
      after = page.at(-1)?.id ?? '';
      if (page.length < pageSize) return;
    }
  }

  /** Lets go of everything: timers and jobs stop here and go on where their documents go. */
  async release(): Promise<void> {
    this.released = true;
    this.timers.stop();
    await this.jobs.stop();
    await Promise.allSettled(this.queues.values());
    this.held.clear();
  }

  /**
   * Handles events of one aggregate, in their order, by one write. Where one cannot be handled those before it are written, and
   * what it failed with is thrown: the same events again go on from there.
   */
  async handle(id: string, events: readonly LoggedEvent[]): Promise<void> {
    const failures: unknown[] = [];
    await this.change(id, async (found) => {
      failures.length = 0;
      let document = found;
      for (const event of events) {
        try {
          document = await this.handled(id, document, event);
        } catch (thrown) {
          failures.push(thrown);
          break;
        }
      }
      return document === found ? null : document;
    });
    if (failures.length === 0) return;
    // Another process may know more than what is held here: the next try looks.
    this.held.delete(id);
    throw failures[0];
  }

  /** The document after the event; the same where it has been handled before. */
  private async handled(id: string, found: AggregateDocument, event: LoggedEvent): Promise<AggregateDocument> {
    const applied = found.applied[event.source];
    if (applied !== undefined && event.sequence <= applied) return found;
    const document = this.ordered(id, found, event);
    const now = Math.max(document.now, Date.parse(event.time));
    const state = this.decider.decode(document.state);
    const facts = await this.facts(this.decider.needs?.(state, event) ?? []);
    const decision = this.decider.decide(state, event, now, facts);
    const handled = { ...document, ...foldInput(this.decider, document, event) };
    return await this.saved(id, this.apply(id, handled, decision, { now, cause: event }), event);
  }

  /** With its checkpoint in the log before the log ceases to reach back to the last one. */
  private async saved(id: string, document: AggregateDocument, event: LoggedEvent): Promise<AggregateDocument> {
    const { ports, decider } = this;
    const wall = ports.kernel.clock.wall();
    const checkpoint = await this.retrying(() => savedIfDue(ports, decider, document, event.pipelineversion));
    if (checkpoint === null) return document.savedAt === undefined ? { ...document, savedAt: wall } : document;
    return this.apply(id, { ...document, savedAt: wall }, { events: [checkpoint] }, { now: document.now });
  }

  /** With a mark of what was handled before, where the log would not tell it. */
  private ordered(id: string, document: AggregateDocument, event: LoggedEvent): AggregateDocument {
    if (!outOfOrder(this.decider, document, event)) return document;
    const mark = own({ type: inputsOrdered, data: {}, pipelineVersion: event.pipelineversion });
    return this.apply(id, document, { events: [mark] }, { now: document.now });
  }

  /** A door's write: one compare-and-set whose outbox holds the events that say all of it. */
  async command(
    id: string,
    now: number,
    actor: string,
    decide: (state: S) => Decision,
  ): Promise<readonly Attributes[]> {
    let events: readonly Attributes[] = [];
    await this.changeStored(id, (document) => {
      const later = Math.max(now, document.now);
      const decision = decide(this.decider.decode(document.state));
      if ((decision.events ?? []).length === 0) return null;
      const next = this.apply(id, document, decision, { now: later, actor });
      events = next.outbox.slice(document.outbox.length).map((entry) => entry.event);
      return next;
    });
    return events;
  }

  /** The state as the store has it: other instances write it too. */
  async state(id: string): Promise<S> {
    this.held.delete(id);
    return this.decider.decode((await this.load(id)).document.state);
  }

  /** From now on what fails for want of bus or store is not tried again: its document or the log still says it. */
  giveUp(): void {
    this.stopping.abort();
  }

  private async facts(digests: readonly string[]): Promise<Facts> {
    for (const digest of digests) {
      if (!this.known.has(digest)) this.known.set(digest, await this.retrying(() => this.ports.blobs.get(digest)));
    }
    for (const digest of this.known.keys())
      if (this.known.size > factsKept && !digests.includes(digest)) this.known.delete(digest);
    return this.known;
  }

  private apply(id: string, document: AggregateDocument, decision: Decision, handling: Handling): AggregateDocument {
    return applyDecision(this.decider, id, document, decision, handling, this.ports.partitions);
  }

  private due({ state }: AggregateDocument): Required<Due> {
    return { jobs: [], timers: [], ...this.decider.due?.(this.decider.decode(state)) };
  }

  private isWaiting(document: AggregateDocument): boolean {
    const { jobs, timers } = this.due(document);
    return jobs.length + timers.length > 0;
  }

  private finishJob(aggregate: string, { id }: JobOrder, result: JobResult): Promise<void> {
    return this.change(aggregate, (document) => {
      const job = this.due(document).jobs.find((pending) => pending.id === id);
      if (job === undefined) return null;
      const decision = this.decider.finish?.(this.decider.decode(document.state), job, result, document.now) ?? null;
      if (decision === null) {
        throw new RelearnError(
          'UNAVAILABLE',
          `job ${id}: ${result.ok ? 'nothing follows from it yet' : result.message}`,
        );
      }
      return this.apply(aggregate, document, decision, { now: document.now, cause: job.cause });
    });
  }

  private async stillDue(aggregate: string, { id }: JobOrder): Promise<boolean> {
    let due = false;
    await this.changeStored(aggregate, (document) => {
      due = this.due(document).jobs.some((pending) => pending.id === id);
      return null;
    });
    return due;
  }

  private fireTimer(aggregate: string, timer: string): Promise<void> {
    return this.change(aggregate, (document) => {
      if (!this.due(document).timers.some((pending) => pending.id === timer)) return null;
      const fired = own({ type: timerFired, data: { timer, aggregate }, pipelineVersion: 0 });
      return this.apply(aggregate, document, { events: [fired] }, { now: document.now });
    });
  }

  /** Changes of one aggregate run one after another. */
  private change(id: string, change: Change, first: () => void = () => undefined): Promise<void> {
    const before = this.queues.get(id) ?? Promise.resolve();
    this.active += 1;
    const mine = before
      .catch(() => undefined)
      .then(first)
      .then(() => this.changeNow(id, change))
      // Another process may know more than what is held here: the next try looks.
      .catch((thrown: unknown) => {
        this.held.delete(id);
        throw thrown;
      })
      .finally(() => {
        this.active -= 1;
        if (this.queues.get(id) === mine) this.queues.delete(id);
      });
    this.queues.set(id, mine);
    return mine;
  }

  /** A change of what the store holds now: another process may have written since this one did. */
  private changeStored(id: string, change: Change): Promise<void> {
    return this.change(id, change, () => this.held.delete(id));
  }

  private async changeNow(id: string, change: Change): Promise<void> {
    const { failpoints } = this.ports.kernel;
    const { service } = this.decider;
    for (;;) {
      let held = await this.load(id);
      // What another process left when it died may be under what this one held.
      while (held.document.outbox.length > 0) held = await this.publishOutbox(id, held);
      const next = await change(held.document);
      if (next === null) return this.startDue(id, held.document);
      failpoints.hit(`${service}:before-write`);
      const written = await this.write(id, held, next);
      if (written === null) continue;
      failpoints.hit(`${service}:after-write`);
      this.startDue(id, next);
      if (next.outbox.length > 0) await this.publishOutbox(id, written);
      return;
    }
  }

  private async load(id: string): Promise<Held> {
    const cached = this.held.get(id);
    if (cached !== undefined) return cached;
    const found = await this.retrying(() => this.ports.store.get(aggregateCollection(this.decider.service), id));
    const pipeline = pipelineOf(id);
    const held =
      found === null
        ? {
            version: 0,
            document: emptyAggregate(
              pipeline,
              this.ports.catalog.controlPartition(pipeline),
              this.decider.encode(this.decider.initial()),
            ),
          }
        : { version: found.version, document: decodeAggregate(found.body) };
    this.held.set(id, held);
    return held;
  }

  /** Null when somebody else wrote first: then the change is decided again on what they wrote. */
  private async write(id: string, held: Held, document: AggregateDocument): Promise<Held | null> {
    const collection = aggregateCollection(this.decider.service);
    const body = encodeAggregate(document);
    try {
      const { version } = await this.retrying(() =>
        held.version === 0
          ? this.ports.store.create(collection, id, body)
          : this.ports.store.replace(collection, id, held.version, body),
      );
      const written = { version, document };
      this.held.set(id, written);
      return written;
    } catch (thrown) {
      this.held.delete(id);
      const { code } = RelearnError.from(thrown);
      if (code === 'FENCED' || code === 'ALREADY_EXISTS') return await this.wroteAlready(id, document);
      throw thrown;
    }
  }

  /** A write whose answer was lost looks like another's: it is ours when the stored document is what we wrote. */
  private async wroteAlready(id: string, document: AggregateDocument): Promise<Held | null> {
    const found = await this.load(id);
    return canonicalJson(found.document) === canonicalJson(document) ? found : null;
  }

  private async publishOutbox(id: string, held: Held): Promise<Held> {
    const { failpoints } = this.ports.kernel;
    const { service } = this.decider;
    failpoints.hit(`${service}:before-outbox`);
    await this.retrying(() => this.ports.bus.publish(outboxRecords(held.document)));
    this.ports.telemetry.metrics.outboxPublished.add({ service }, held.document.outbox.length);
    failpoints.hit(`${service}:after-outbox`);
    const cleared = await this.write(id, held, { ...held.document, outbox: [] });
    return cleared ?? (await this.load(id));
  }

  private startDue(id: string, document: AggregateDocument): void {
    if (this.released) return;
    const { jobs, timers } = this.due(document);
    this.jobs.keep(id, jobs);
    this.timers.keep(id, timers);
  }

  private retrying<T>(work: () => Promise<T>): Promise<T> {
    const { kernel, telemetry } = this.ports;
    const once = async () => {
      try {
        return await work();
      } catch (thrown) {
        const error = RelearnError.from(thrown);
        if (error.code === 'CONFLICT') throw new RelearnError('FENCED', error.message, { cause: error });
        throw error;
      }
    };
    return retry(
      {
        clock: kernel.clock,
        chance: kernel.chance,
        signal: this.stopping.signal,
        onRetry: (error, attempt) => {
          telemetry.metrics.retries.add({ service: this.decider.service, code: error.code });
          if (attempt % 10 === 1)
            telemetry.log.warn({ service: this.decider.service, code: error.code }, error.message);
        },
      },
      once,
    );
  }
}
