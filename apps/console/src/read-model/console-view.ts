import type { StoredRecord } from '@relearn/bus';
import { decodeEvent, eventTypes, type Topic } from '@relearn/contracts';
import { type Part, RelearnError } from '@relearn/kernel';
import { businessNow, type Ports, Sequences } from '@relearn/runtime';
import { Backlog } from './backlog.js';
import { type LiveCounts, liveCountsOf, noCounts, readFoldCounts } from './counts.js';
import { PipelineView } from './pipeline-view.js';
import type { PipelineState, PipelineSummary, PlainModelView } from './shapes.js';

const followed: readonly Topic[] = ['control', 'monitoring', 'dead-letters'];
const limits = { maxRecords: 200, maxBytes: 2 * 1024 * 1024 };
/** Main-thread time after which other work gets a turn. */
const sliceMs = 8;
/** How often counts are read while somebody watches. */
const lookEveryMs = 1_000;

interface Followed {
  readonly topic: Topic;
  readonly partition: number;
  readonly from: number;
  /** Where the partition ended at the start. */
  readonly end: number;
  readonly reached: () => void;
}

/**
 * The console's read model: follows the small topics from their first kept position, and looks at the folds'
 * checkpoints while somebody watches. Owns nothing: it is folded anew at each start.
 */
export class ConsoleView implements Part {
  readonly name = 'console view';
  private readonly ports: Ports;
  private readonly pipelines = new Map<string, PipelineView>();
  private readonly counts = new Map<string, LiveCounts>();
  private readonly clocks = new Map<string, number>();
  private readonly backlog: Backlog;
  private readonly sequences = new Sequences();
  private readonly listeners = new Set<() => void>();
  private readonly stopping = new AbortController();
  private loops: Promise<void>[] = [];
  /** What each followed partition held at the start and has not been folded yet. */
  private readonly catchingUp: Promise<void>[] = [];
  private looking: Promise<void> | null = null;
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(ports: Ports) {
    this.ports = ports;
    this.backlog = new Backlog(ports.bus);
  }

  async start(): Promise<void> {
    const { bus } = this.ports;
    const all = await Promise.all(followed.map(async (topic) => ({ topic, bounds: await bus.bounds(topic) })));
    for (const { topic, bounds } of all) {
      for (const [partition, { first, end }] of bounds.entries()) {
        this.catchingUp.push(
          new Promise((reached) => {
            this.loops.push(this.follow({ topic, partition, from: first, end, reached }));
          }),
        );
      }
    }
    this.loops.push(this.watch());
  }

  /** Resolves when all that the log held at the start has been folded. */
  async caughtUp(): Promise<void> {
    await Promise.all(this.catchingUp);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.loops);
    this.loops = [];
  }

  /** Pipelines in the order of their names. */
  list(): readonly PipelineSummary[] {
    return [...this.pipelines.values()]
      .filter((view) => view.known)
      .map((view) => view.summary(this.clocks.get(view.name) ?? null))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Models that no pipeline owns, in the order of their names. */
  plain(): readonly PlainModelView[] {
    const views = [...this.pipelines.values()].filter((view) => view.isPlain);
    return views.map((view) => view.plain()).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Throws NOT_FOUND. */
  plainModel(name: string): PlainModelView {
    const view = this.pipelines.get(name);
    if (view === undefined || !view.isPlain) throw new RelearnError('NOT_FOUND', `no model '${name}'`);
    return view.plain();
  }

  /** Throws NOT_FOUND. */
  pipeline(name: string): PipelineView {
    const view = this.pipelines.get(name);
    if (view === undefined || !view.known) throw new RelearnError('NOT_FOUND', `no pipeline '${name}'`);
    return view;
  }

  /** The state with counts at most a second old. Throws NOT_FOUND. */
  async state(name: string): Promise<PipelineState> {
    const view = this.pipeline(name);
    await this.look();
    return view.state(this.counts.get(name) ?? noCounts, this.clocks.get(name) ?? null);
  }

  /** Calls back when something may have changed, until the returned function is called. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private async watch(): Promise<void> {
    const { signal } = this.stopping;
    const { clock } = this.ports.kernel;
    while (!signal.aborted) {
      await clock.sleep(lookEveryMs, signal);
      if (this.listeners.size === 0) continue;
      try {
        await this.look();
        this.tell();
      } catch (thrown) {
        this.complain('the counts cannot be read', thrown);
      }
    }
  }

  /** Reads counts and clocks, unless that was done less than a second ago. */
  private look(): Promise<void> {
    const { clock } = this.ports.kernel;
    if (clock.now() - this.lookedAt < lookEveryMs) return this.looking ?? Promise.resolve();
    this.lookedAt = clock.now();
    this.looking = this.lookNow().finally(() => {
      this.looking = null;
    });
    return this.looking;
  }

  private async lookNow(): Promise<void> {
    const folds = await readFoldCounts(this.ports.store);
    await this.backlog.look(folds.judgedBelow);
    for (const name of this.pipelines.keys()) {
      const before = this.counts.get(name) ?? noCounts;
      this.counts.set(name, liveCountsOf(folds, name, this.backlog.waiting(name), before));
      this.clocks.set(name, await businessNow(this.ports, name));
    }
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }

  private async follow({ topic, partition, from, end, reached }: Followed): Promise<void> {
    const { signal } = this.stopping;
    const { clock } = this.ports.kernel;
    const reader = this.ports.bus.follow(topic, partition, from);
    if (from >= end) reached();
    let going = true;
    while (going && !signal.aborted) {
      try {
        const records = await reader.next(limits, signal);
        if (records.length === 0) continue;
        going = await this.take(records);
        if (!going || (records.at(-1)?.position ?? 0) + 1 >= end) reached();
        this.tell();
      } catch (thrown) {
        if (signal.aborted) break;
        this.complain(`${topic}/${partition} cannot be read`, thrown);
        await clock.sleep(lookEveryMs, signal);
      }
    }
    reached();
  }

  /** Folds records by the sequence rule; false where events are missing, beyond which nothing is shown. */
  private async take(records: readonly StoredRecord[]): Promise<boolean> {
    const { clock } = this.ports.kernel;
    let sliceStart = clock.now();
    for (const record of records) {
      try {
        if (!this.takeOne(record)) return false;
      } catch (thrown) {
        this.complain(`${record.topic}/${record.partition} position ${record.position} is left out`, thrown);
      }
      if (clock.now() - sliceStart > sliceMs) {
        await clock.breathe();
        sliceStart = clock.now();
      }
    }
    return true;
  }

  private takeOne(record: StoredRecord): boolean {
    const event = decodeEvent(record);
    const { kind } = this.sequences.judge(event);
    const view = this.viewOf(event.pipeline);
    if (kind === 'gap') {
      const message = `events of ${event.source} are missing before ${event.sequence}; this page stops there`;
      const at = { business: Date.parse(event.time), wall: record.appendedAt };
      view.alarm({ at, kind: 'gap', message, causes: [] });
      this.tell();
      return false;
    }
    if (kind === 'apply') {
      this.sequences.advance(event);
      view.apply(eventTypes().get(event.type)?.read(event) ?? event, record.appendedAt);
    }
    return true;
  }

  private viewOf(name: string): PipelineView {
    const view = this.pipelines.get(name) ?? new PipelineView(name);
    this.pipelines.set(name, view);
    return view;
  }

  private complain(what: string, thrown: unknown): void {
    const error = RelearnError.from(thrown);
    this.ports.telemetry.log.warn({ code: error.code }, `console: ${what}: ${error.describe()}`);
  }
}
