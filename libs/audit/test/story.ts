import { createMemoryBlobs } from '@relearn/blobs/memory';
import { createMemoryBus } from '@relearn/bus/memory';
import type { OutgoingRecord } from '@relearn/bus';
import {
  type DataOf,
  type Event,
  type EventType,
  encodeEvent,
  type PipelineSpec,
  topicNames,
} from '@relearn/contracts';
import { type AuditedDecider, auditLog, type Violation } from '@relearn/audit';
import { formatTimestamp, sha256, systemClock, systemKernel } from '@relearn/kernel';
import { aggregateCollection, checkpointCollection } from '@relearn/runtime';
import { createMemoryStore } from '@relearn/store/memory';

export const day = 86_400_000;
export const start = Date.UTC(2024, 0, 1);
export const pipeline = 'trips';

export function pipelineSpec(retrain: Partial<PipelineSpec['retrain']> = {}): PipelineSpec {
  return {
    name: pipeline,
    description: '',
    entity: [],
    source: { rows: { files: [], time: 'at', id: ['id'] }, context: {}, lateness: 0, max_record_bytes: 4096 },
    schema: {
      columns: { id: { type: 'string', nullable: false }, at: { type: 'timestamp', nullable: false } },
      context: {},
      window: { every: day, null_share: {}, quarantine_share: 0.5 },
    },
    label: { column: 'y', delay: 0, max_delay: day, classes: ['0', '1'] },
    features: [{ name: 'x', type: 'number', column: 'x' }],
    train: {
      task: 'binary',
      window: null,
      hold_out: 0.1,
      validation: 0.1,
      minimum_rows: 100,
      seed: 1,
      deadline: day,
      candidates: [{ name: 'one', trainer: 'boosting', parameters: {} }],
    },
    evaluate: {
      metrics: [{ name: 'roc_auc' }],
      champion: { test: 'bootstrap', confidence: 0.95, tolerance: 0, rounds: 100 },
    },
    rollout: { strategy: 'direct' },
    monitor: {
      window: day,
      drift: { number: 'psi:binned', category: 'psi:binned', share: 0.5 },
      performance: { windows: 1, minimum_labels: 1 },
    },
    retrain: {
      performance: null,
      drift: null,
      volume: null,
      schedule: null,
      cooldown: 10 * day,
      minimum_labels: 50,
      budget: { turns: 3, per: 100 * day },
      back_off: 2,
      ...retrain,
    },
  };
}

export interface Written {
  readonly source?: string;
  readonly sequence?: number;
  readonly previous?: number | null;
  readonly version?: number;
  /** Business time, ms. */
  readonly time?: number;
  readonly cause?: Event;
  readonly partition?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the aggregate that makes it had handled, as `control/0@7`. */
  readonly seen?: string;
}

const text = new TextEncoder();

/** A log that a test writes by hand, event by event, and then has audited. */
export class Story {
  readonly store = createMemoryStore();
  readonly blobs = createMemoryBlobs();
  readonly bus = createMemoryBus(systemKernel);
  private readonly records: OutgoingRecord[] = [];
  private readonly last = new Map<string, number>();
  private readonly puts: Promise<unknown>[] = [];

  /** The next event of its source, `SERVICE/trips/TOPIC` unless told otherwise. */
  emit<S extends EventType['schema']>(
    service: string,
    type: EventType<S>,
    data: DataOf<EventType<S>>,
    written: Written = {},
  ): Event<DataOf<EventType<S>>> {
    const {
      source = `${service}/${pipeline}/${type.topic}`,
      version = 1,
      time = start,
      cause,
      partition = 0,
    } = written;
    const before = this.last.get(source) ?? null;
    const sequence = written.sequence ?? (before ?? 0) + 1;
    this.last.set(source, sequence);
    const event: Event<DataOf<EventType<S>>> = {
      id: `${source}@${sequence}`,
      source,
      type: type.type,
      sequence,
      previous: written.previous === undefined ? before : written.previous,
      time: formatTimestamp(time),
      pipeline,
      pipelineversion: version,
      ...(cause === undefined ? {} : { causationid: cause.id }),
      ...(written.seen === undefined ? {} : { seen: written.seen }),
      data,
    };
    this.append(type.topic, event, partition, written.headers);
    return event;
  }

  append(topic: string, event: Event, partition = 0, more: Readonly<Record<string, string>> = {}): void {
    const { headers, value } = encodeEvent(event);
    this.records.push({ topic, partition, key: pipeline, headers: { ...headers, ...more }, value });
  }

  /** The blob's digest; `kept` false: nobody stored it. */
  blob(value: unknown, kept = true): string {
    const bytes = text.encode(JSON.stringify(value));
    if (kept) this.puts.push(this.blobs.put(bytes));
    return sha256(bytes);
  }

  async violations(options: { quiescent?: boolean; folds?: readonly AuditedDecider[] } = {}): Promise<Violation[]> {
    return (await this.report(options)).violations;
  }

  async report(options: { quiescent?: boolean; folds?: readonly AuditedDecider[] } = {}) {
    await this.open();
    const records = this.records.splice(0);
    for (let from = 0; from < records.length; from += 500) await this.bus.publish(records.slice(from, from + 500));
    const { bus, store, blobs } = this;
    return auditLog({ bus, store, blobs, partitions: 1, clock: systemClock, quiescent: true, ...options });
  }

  async open(): Promise<void> {
    await this.bus.ensureTopics(topicNames.map((name) => ({ name, partitions: 1, retentionMs: null })));
    const collections = [checkpointCollection, aggregateCollection('toy')];
    await this.store.ensureCollections(collections.map((name) => ({ name })));
    await Promise.all(this.puts);
  }
}

/** The violations' invariants, each once. */
export function broken(violations: readonly Violation[]): string[] {
  return [...new Set(violations.map(({ invariant }) => invariant))];
}
