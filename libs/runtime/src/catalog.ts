import type { Bus, PartitionReader, StoredRecord } from '@relearn/bus';
import {
  decodeEvent,
  type Event,
  type LoggedEvent,
  modelPromoted,
  modelRegistered,
  modelRolledBack,
  partitionFor,
  pipelineApplied,
  pipelineEnded,
  type PipelineSpec,
  rolloutAdvanced,
  rolloutEnded,
  rolloutStarted,
  turnStarted,
} from '@relearn/contracts';
import { type Clock, RelearnError } from '@relearn/kernel';
import type { Activity } from './activity.js';
import { placed } from './placed-event.js';
import { Sequences } from './sequences.js';

export interface AppliedPipeline {
  readonly spec: PipelineSpec;
  readonly version: number;
  readonly digest: string;
  /** Partition numbers in which the pipeline's records are. */
  readonly shards: readonly number[];
}

export interface ModelRef {
  readonly model: number;
  readonly bundle: string;
}

/** A model that is tried beside the champion. */
export interface Challenger extends ModelRef {
  readonly strategy: 'shadow' | 'canary';
  /** Of the requests that it answers. */
  readonly share: number;
  /** The input column by which requests stick to a model. */
  readonly key?: string;
}

/** The models in force for a pipeline from a position of its control partition on. */
export interface InForce {
  readonly champion: ModelRef;
  readonly frozen: ModelRef | null;
  /** Absent: none is rolled out. */
  readonly challenger?: Challenger;
  readonly position: number;
  /** Id of the promotion or rollback event. */
  readonly event: string;
}

/** A name that no pipeline owns, as the log has it; another object after each change. */
export interface PlainModels {
  /** The newest versions, newest last. */
  readonly versions: readonly ModelRef[];
  /** Absent: only requests that name a version are answered. */
  readonly champion?: ModelRef;
  /** The champion before. */
  readonly former?: ModelRef;
}

/** Versions of a plain model that are there to be asked. */
const plainVersionsKept = 8;

export type ControlListener = (event: LoggedEvent) => void;

const limits = { maxRecords: 500, maxBytes: 4 * 1024 * 1024 };
/** After a failure the log is read again after this time. */
const againAfterMs = 500;

/**
 * What the control log says, as a view that each process keeps for itself by reading the whole topic: pipelines by
 * version, models, and which are in force. Derived by the sequence rule, so copies in the log change nothing.
 */
export class Catalog {
  private readonly pipelines = new Map<string, AppliedPipeline[]>();
  private readonly models = new Map<string, Map<number, string>>();
  private readonly inForceBy = new Map<string, InForce>();
  private readonly plainBy = new Map<string, PlainModels>();
  private readonly turns = new Map<string, string>();
  private readonly listeners = new Set<ControlListener>();
  private readonly sequences = new Sequences();
  private readonly done: number[];
  private readonly stopped = new AbortController();
  private readonly loops: Promise<void>[] = [];
  private waiting: (() => void)[] = [];
  private readonly bus: Bus;
  private readonly partitions: number;
  private readonly clock: Clock;

  constructor(bus: Bus, partitions: number, clock: Clock) {
    this.bus = bus;
    this.partitions = partitions;
    this.clock = clock;
    this.done = new Array<number>(partitions).fill(0);
  }

  /** Reads what is there, then follows. After a failure it can be called again and goes on where it was. */
  async start(activity: Activity): Promise<void> {
    const bounds = await this.bus.bounds('control');
    for (let partition = 0; partition < this.partitions; partition++) {
      const { first = 0, end = 0 } = bounds[partition] ?? {};
      let next = Math.max(first, this.done[partition] ?? 0);
      while (next < end) {
        const records = await this.bus.read('control', partition, next, limits);
        if (records.length === 0) break;
        next = this.take(partition, records);
      }
      this.done[partition] = next;
    }
    activity.join({
      doneBelow: (topic, partition) => (topic === 'control' ? this.done[partition] : undefined),
      busy: () => false,
    });
    for (const [partition, next] of this.done.entries()) this.loops.push(this.follow(partition, next));
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await Promise.all(this.loops);
  }

  listen(listener: ControlListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  names(): string[] {
    return [...this.pipelines.keys()].sort();
  }

  latest(pipeline: string): AppliedPipeline | undefined {
    return this.pipelines.get(pipeline)?.at(-1);
  }

  version(pipeline: string, version: number): AppliedPipeline | undefined {
    return this.pipelines.get(pipeline)?.find((applied) => applied.version === version);
  }

  inForce(pipeline: string): InForce | undefined {
    return this.inForceBy.get(pipeline);
  }

  /** Names of models that no pipeline owns. */
  plainNames(): string[] {
    return [...this.plainBy.keys()].sort();
  }

  /** Undefined: no model was registered by hand under the name. */
  plain(name: string): PlainModels | undefined {
    return this.plainBy.get(name);
  }

  /** The turn that runs; undefined: none. */
  turn(pipeline: string): string | undefined {
    return this.turns.get(pipeline);
  }

  /** Bundle digest of a registered model. */
  bundle(pipeline: string, model: number): string | undefined {
    return this.models.get(pipeline)?.get(model);
  }

  /** Of all registered models: the pipeline, or the model that none owns, and the bundle's digest. */
  bundles(): [string, string][] {
    return [...this.models].flatMap(([name, models]) =>
      [...models.values()].map((bundle): [string, string] => [name, bundle]),
    );
  }

  /**
   * Waits until the view knows the version, which the log must hold already. Throws CANCELLED when the signal aborts, and
   * UNAVAILABLE when this process stops: another one may be asked.
   */
  async known(pipeline: string, version: number, signal?: AbortSignal): Promise<AppliedPipeline> {
    for (;;) {
      const applied = this.version(pipeline, version);
      if (applied !== undefined) return applied;
      const waiting = `while waiting for ${pipeline} version ${version}`;
      if (signal?.aborted) throw new RelearnError('CANCELLED', `cancelled ${waiting}`);
      if (this.stopped.signal.aborted) throw new RelearnError('UNAVAILABLE', `the process stopped ${waiting}`);
      await this.changed();
    }
  }

  /** Waits until the view knows the version of a name that no pipeline owns, which the log must hold already. */
  async registered(name: string, model: number): Promise<void> {
    while (this.bundle(name, model) === undefined && !this.stopped.signal.aborted) await this.changed();
  }

  /** Waits until the view has read the position of the pipeline's control partition. */
  async reached(partition: number, position: number): Promise<void> {
    while ((this.done[partition] ?? 0) <= position && !this.stopped.signal.aborted) await this.changed();
  }

  controlPartition(pipeline: string): number {
    return partitionFor(pipeline, this.partitions);
  }

  private changed(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      if (this.stopped.signal.aborted) this.wake();
    });
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }

  private async follow(partition: number, from: number): Promise<void> {
    const reader = this.bus.follow('control', partition, from);
    const { signal } = this.stopped;
    while (!signal.aborted) this.take(partition, await this.next(reader, signal));
    this.wake();
  }

  /** Nothing while the log cannot be read: the deciders, which read it too, say why. */
  private async next(reader: PartitionReader, signal: AbortSignal): Promise<StoredRecord[]> {
    try {
      return await reader.next(limits, signal);
    } catch {
      await this.clock.sleep(againAfterMs, signal);
      return [];
    }
  }

  private take(partition: number, records: readonly StoredRecord[]): number {
    for (const record of records) {
      const event = decodeEvent(record);
      if (this.sequences.judge(event).kind === 'apply') {
        this.sequences.advance(event);
        this.apply(event, record.position);
        for (const listener of this.listeners) {
          listener(placed(record, event));
        }
      }
      this.done[partition] = record.position + 1;
    }
    if (records.length > 0) this.wake();
    return this.done[partition] ?? 0;
  }

  private apply(event: Event, position: number): void {
    const { pipeline, pipelineversion } = event;
    if (pipelineApplied.is(event)) {
      const { spec, digest, shards } = event.data;
      const versions = this.pipelines.get(pipeline) ?? [];
      this.pipelines.set(pipeline, [...versions, { spec, digest, shards, version: pipelineversion }]);
    } else if (turnStarted.is(event)) {
      this.turns.set(pipeline, event.data.turn);
    } else if (pipelineEnded.is(event)) {
      if (event.data.turn !== null && event.data.turn === this.turns.get(pipeline)) this.turns.delete(pipeline);
    } else if (modelRegistered.is(event)) {
      const models = this.models.get(pipeline) ?? new Map<number, string>();
      const { model, bundle, manual } = event.data;
      this.models.set(pipeline, models.set(model, bundle));
      if (manual !== undefined) this.addPlain(pipeline, { model, bundle });
    } else if (modelPromoted.is(event) || modelRolledBack.is(event)) {
      const { model, bundle, frozen } = event.data;
      this.inForceBy.set(pipeline, { champion: { model, bundle }, frozen, position, event: event.id });
      this.movePlain(pipeline, { model, bundle });
    } else this.roll(event, position);
  }

  private addPlain(name: string, version: ModelRef): void {
    const { versions = [], ...rest } = this.plainBy.get(name) ?? {};
    this.plainBy.set(name, { ...rest, versions: [...versions, version].slice(-plainVersionsKept) });
  }

  private movePlain(name: string, champion: ModelRef): void {
    const before = this.plainBy.get(name);
    if (before === undefined) return;
    const former = before.champion === undefined ? {} : { former: before.champion };
    this.plainBy.set(name, { ...before, ...former, champion });
  }

  /** An alias move has ended the rollout already when its own end comes. */
  private roll(event: Event, position: number): void {
    const before = this.inForceBy.get(event.pipeline);
    if (before === undefined) return;
    const { challenger, ...rest } = before;
    if (rolloutStarted.is(event)) {
      const { model, bundle, policy } = event.data;
      const { strategy, steps, key } = policy;
      const begun = { model, bundle, strategy, share: steps[0] ?? 0, ...(key === undefined ? {} : { key }) };
      this.inForceBy.set(event.pipeline, { ...rest, challenger: begun, position });
    } else if (challenger === undefined) return;
    else if (rolloutAdvanced.is(event)) {
      const advanced = { ...challenger, share: event.data.share };
      this.inForceBy.set(event.pipeline, { ...rest, challenger: advanced, position });
    } else if (rolloutEnded.is(event)) this.inForceBy.set(event.pipeline, { ...rest, position });
  }
}
