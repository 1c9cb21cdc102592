import { createMemoryBlobs } from '@relearn/blobs/memory';
import { createMemoryBus } from '@relearn/bus/memory';
import {
  type DataOf,
  encodeEvent,
  type EventType,
  modelDeployed,
  modelEvaluated,
  modelPromoted,
  modelRegistered,
  modelTrained,
  datasetSnapshotted,
  partitionFor,
  pipelineApplied,
  pipelineEnded,
  type PipelineSpec,
  retrainRequested,
  type RetrainReason,
  rolloutAdvanced,
  rolloutObserved,
  rolloutStarted,
  topicNames,
  topics,
  trainingCompleted,
  trainingStarted,
  turnStarted,
} from '@relearn/contracts';
import { formatTimestamp, systemKernel } from '@relearn/kernel';
import { Activity, Catalog, checkpointCollection, checkpointId, clockCollection, type Ports } from '@relearn/runtime';
import { createMemoryStore } from '@relearn/store/memory';
import { silentTelemetry } from '@relearn/telemetry';

const partitions = 4;
export const day = 86_400_000;

/** Ports on memory adapters. */
export async function memoryPorts(): Promise<Ports> {
  const bus = createMemoryBus(systemKernel);
  await bus.ensureTopics(topicNames.map((name) => ({ name, partitions, retentionMs: topics[name].retentionMs })));
  const store = createMemoryStore();
  await store.ensureCollections([{ name: checkpointCollection }, { name: clockCollection }]);
  return {
    kernel: systemKernel,
    bus,
    store,
    blobs: createMemoryBlobs(),
    workers: { run: () => Promise.reject(new Error('no jobs here')), stop: () => Promise.resolve() },
    telemetry: silentTelemetry(),
    catalog: new Catalog(bus, partitions, systemKernel.clock),
    activity: new Activity(systemKernel.clock),
    partitions,
    instance: 'test',
  };
}

export function specOf(name: string, metric = 'roc_auc'): PipelineSpec {
  const task = metric === 'rmse' ? 'regression' : 'binary';
  return {
    name,
    description: 'Does a flight arrive more than 15 minutes late? Asked at its scheduled departure.',
    entity: [],
    source: { rows: { files: [], time: 'time', id: ['id'] }, context: {}, lateness: 0, max_record_bytes: 262_144 },
    schema: { columns: {}, context: {}, window: { every: day, null_share: {}, quarantine_share: 0.05 } },
    label: { column: 'late', known_at: 'arrived_at', delay: 0, max_delay: 2 * day, classes: ['0', '1'] },
    features: [{ name: 'hour', type: 'number', expression: 'hour(time)' }],
    train: {
      task,
      window: null,
      hold_out: 0.1,
      validation: 0.1,
      minimum_rows: 500,
      seed: 1,
      deadline: 3_600_000,
      candidates: [{ name: 'a', trainer: 'boosting', parameters: {} }],
    },
    evaluate: {
      metrics: [{ name: metric, minimum: 0.65 }],
      champion: { test: 'bootstrap', confidence: 0.95, tolerance: 0, rounds: 1000 },
    },
    rollout: { strategy: 'direct' },
    monitor: {
      window: day,
      drift: { number: 'psi:binned', category: 'psi:binned', share: 0.5 },
      performance: { windows: 7, minimum_labels: 200 },
    },
    retrain: {
      performance: { drop: 0.02, enter: 2, of: 3 },
      drift: null,
      volume: null,
      schedule: null,
      cooldown: 7 * day,
      minimum_labels: 200,
      budget: { turns: 6, per: 365 * day },
      back_off: 2,
    },
  };
}

export interface Said {
  readonly time: number;
  readonly source?: string;
  readonly version?: number;
  readonly actor?: string;
  readonly previous?: number | null;
  readonly sequence?: number;
}

/** Writes events of one pipeline into the log, numbered as their sources would number them. */
export class Story {
  readonly ports: Ports;
  readonly pipeline: string;
  private readonly sequences = new Map<string, number>();

  constructor(ports: Ports, pipeline: string) {
    this.ports = ports;
    this.pipeline = pipeline;
  }

  get partition(): number {
    return partitionFor(this.pipeline, partitions);
  }

  async say<T extends EventType>(type: T, data: DataOf<T>, said: Said): Promise<string> {
    const source = said.source ?? `test/${this.pipeline}/${type.topic}`;
    const before = this.sequences.get(source) ?? 0;
    const sequence = said.sequence ?? before + 1;
    this.sequences.set(source, sequence);
    const event = {
      id: `${source}@${sequence}`,
      source,
      type: type.type,
      sequence,
      previous: said.previous === undefined ? (before === 0 ? null : before) : said.previous,
      time: formatTimestamp(said.time),
      pipeline: this.pipeline,
      pipelineversion: said.version ?? 1,
      ...(said.actor === undefined ? {} : { actor: said.actor }),
      data,
    };
    const record = { topic: type.topic, partition: this.partition, key: this.pipeline, ...encodeEvent(event) };
    await this.ports.bus.publish([record]);
    return event.id;
  }

  async checkpoint(
    service: string,
    counts: Record<string, number>,
    positions: Record<string, number> = {},
  ): Promise<void> {
    const body = {
      epoch: 1,
      positions,
      applied: {},
      published: {},
      parts: {},
      counts: { [this.pipeline]: counts },
      deadLettered: 0,
    };
    await this.ports.store.put(checkpointCollection, checkpointId(service, this.partition), body);
  }

  apply(time: number, metric = 'roc_auc', version = 1): Promise<string> {
    const spec = specOf(this.pipeline, metric);
    return this.say(pipelineApplied, { spec, digest: `d${version}`, shards: [this.partition] }, { time, version });
  }

  /** So many versions that people registered under a name that no pipeline owns; each was made champion. */
  async plain(versions: number, time: number): Promise<void> {
    for (let model = 1; model <= versions; model++) {
      const place = { model, bundle: `b${model}` };
      const manual = { onnx: 'o', bytes: 1, runtime: '1' };
      await this.say(modelRegistered, { ...place, verdict: 'passed', metrics: {}, manual }, { time });
      const from = model === 1 ? null : { model: model - 1, bundle: `b${model - 1}` };
      const moved = { ...place, turn: null, from, frozen: null, evidence: { kind: 'manual' as const }, gates: [] };
      await this.say(modelPromoted, moved, { time });
    }
  }

  /** A canary of two steps that has seen 27 requests and 6 rows, told by two shards, and is in its second step. */
  async canary(n: number, time: number): Promise<void> {
    const ids = { turn: `${this.pipeline}-${n}`, request: `${this.pipeline}-r${n}`, model: n };
    const off = { max_error_increase: null, max_latency_ratio: null, min_agreement: null, quality: null };
    const judge = { confidence: 0.99, ...off };
    const policy = { strategy: 'canary' as const, steps: [0.1, 0.5], requests: 100, judge, limit: day };
    const place = { bundle: 'b', reference: 'r', champion: { model: n - 1, bundle: 'b1' } };
    await this.say(rolloutStarted, { ...ids, ...place, policy, evidence: 'e', gates: [] }, { time });
    const pairs = { worse: 0, same: 0, better: 0 };
    const arm = { requests: 0, failures: 0, computeMs: 0 };
    const agreement = { compared: 0, agreed: 0 };
    const nothing = { errors: pairs, latency: pairs, agreement, champion: arm, challenger: arm };
    for (const [shard, requests, rows] of [
      [0, 10, 5],
      [1, 7, 0],
      [0, 20, 6],
    ] as const) {
      const source = `monitoring/${this.pipeline}/${shard}/rollout`;
      await this.say(rolloutObserved, { model: n, shard, counts: { requests, rows, ...nothing } }, { time, source });
    }
    await this.say(rolloutAdvanced, { ...ids, step: 1, share: 0.5 }, { time });
  }

  request(
    n: number,
    reason: RetrainReason,
    time: number,
    features: readonly string[] = [],
    actor?: string,
  ): Promise<string> {
    const causes = features.map((feature, i) => ({
      feature,
      method: 'psi:binned',
      statistic: 0.42 - i * 0.06,
      threshold: 0.18,
      start: time - day,
      end: time,
    }));
    const data = { request: `${this.pipeline}-r${n}`, reason, causes, cut: {}, labelled: 24_000 * n };
    return this.say(retrainRequested, data, { time, ...(actor === undefined ? {} : { actor }) });
  }

  /** A turn up to its snapshot, or to training, or to its end with a verdict. */
  async turn(n: number, time: number, reason: RetrainReason, until: 'training' | Verdict, model = n): Promise<void> {
    const ids = { turn: `${this.pipeline}-${n}`, request: `${this.pipeline}-r${n}` };
    await this.say(turnStarted, { ...ids, reason, cut: {}, seed: 7, champion: null }, { time });
    await this.say(
      datasetSnapshotted,
      {
        ...ids,
        manifest: 'm',
        dataHash: `h${n}`,
        rows: 26_000 * n,
        labelled: 24_000 * n,
        from: time - 60 * day,
        to: time,
      },
      { time },
    );
    await this.say(trainingStarted, { ...ids, run: 'run' }, { time });
    if (until === 'training') return;
    const candidates = ['boosting 31', 'boosting 15', 'logistic'].map((name, i) => ({
      name,
      trainer: name.split(' ')[0] ?? '',
      parameters: {},
      candidate: 'c',
      model: 'm',
      metrics: { roc_auc: 0.77 - i * 0.011, log_loss: 0.46 + i * 0.01 },
      failure: null,
    }));
    for (const candidate of candidates) await this.say(modelTrained, { ...ids, run: 'run', candidate }, { time });
    await this.say(
      trainingCompleted,
      { ...ids, run: 'run', manifest: 'm', dataHash: `h${n}`, champion: null, candidates, winner: 'boosting 31' },
      { time },
    );
    await this.verdict(ids, n, time, until, model);
  }

  private async verdict(
    ids: { turn: string; request: string },
    n: number,
    time: number,
    verdict: Verdict,
    model: number,
  ): Promise<void> {
    const value = 0.751 + n * 0.004;
    const against =
      n === 1
        ? []
        : [
            {
              name: 'better than the champion in roc_auc',
              verdict,
              value: verdict === 'passed' ? 0.021 : 0.003,
              threshold: 0,
              detail: `difference 0.021, 95 % interval ${verdict === 'passed' ? '0.012 to 0.030' : '-0.004 to 0.010'}, 2400 rows`,
            },
          ];
    const gates = [
      { name: 'minimum roc_auc', verdict: 'passed' as const, value, threshold: 0.65, detail: '' },
      { name: 'beats a constant in roc_auc', verdict: 'passed' as const, value, threshold: 0.5, detail: '' },
      ...against,
    ];
    const metrics = { roc_auc: value, log_loss: 0.452 };
    const bundle = `${'abcdef0123456789'.repeat(4)}`.slice(n, n + 60);
    const place = { model, bundle, reference: 'r' };
    await this.say(
      modelEvaluated,
      {
        ...ids,
        verdict,
        bundle,
        reference: 'r',
        champion: n === 1 ? null : 'b',
        gates,
        metrics,
        championMetrics: n === 1 ? null : { roc_auc: value - 0.021, log_loss: 0.47 },
        rows: 2400 * n,
      },
      { time },
    );
    await this.say(modelRegistered, { ...ids, model, bundle, verdict, metrics }, { time });
    if (verdict === 'passed') {
      const promotion = await this.say(
        modelPromoted,
        {
          turn: ids.turn,
          ...place,
          from: n === 1 ? null : { model: model - 1, bundle: 'b' },
          evidence: { kind: 'evaluation', event: 'e' },
          frozen: { model: 1, bundle: 'b1' },
          gates,
        },
        { time },
      );
      await this.say(modelDeployed, { model, bundle, instance: 'a', promotion }, { time });
    }
    const outcome = verdict === 'passed' ? 'promoted' : 'no-model';
    const detail = verdict === 'passed' ? `model ${model}` : `better than the champion in roc_auc: ${verdict}`;
    await this.say(pipelineEnded, { ...ids, requestReason: 'performance', outcome, detail }, { time });
  }
}

export type Verdict = 'passed' | 'rejected' | 'inconclusive';
