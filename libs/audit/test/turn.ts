import {
  type DataOf,
  datasetSnapshotted,
  type Event,
  type EventType,
  modelEvaluated,
  modelPromoted,
  modelRegistered,
  modelTrained,
  pipelineApplied,
  type PipelineSpec,
  pipelineEnded,
  retrainRequested,
  trainingCompleted,
  trainingStarted,
  turnStarted,
} from '@relearn/contracts';
import { pipelineSpec, start, type Story, type Written } from './story.js';

type Stages = {
  readonly requested: DataOf<typeof retrainRequested>;
  readonly started: DataOf<typeof turnStarted>;
  readonly snapshotted: DataOf<typeof datasetSnapshotted>;
  readonly training: DataOf<typeof trainingStarted>;
  readonly trained: DataOf<typeof modelTrained>;
  readonly completed: DataOf<typeof trainingCompleted>;
  readonly evaluated: DataOf<typeof modelEvaluated>;
  readonly registered: DataOf<typeof modelRegistered>;
  readonly promoted: DataOf<typeof modelPromoted>;
  readonly ended: DataOf<typeof pipelineEnded>;
};

/** What a test changes of a good turn: fields of an event's data, or null to leave the event out. */
export type Changes = { readonly [K in keyof Stages]?: Partial<Stages[K]> | null };

export interface TurnOptions {
  readonly number: number;
  readonly time?: number;
  readonly version?: number;
  readonly champion?: { readonly model: number; readonly bundle: string } | null;
  readonly frozen?: { readonly model: number; readonly bundle: string };
  readonly dataHash?: string;
  readonly rows?: readonly { readonly id: string; readonly at: number }[];
  readonly change?: Changes;
}

export interface Turned {
  readonly bundle: string;
  readonly model: number;
  readonly reference: string;
  readonly promotion: Event | null;
  readonly events: Partial<Record<keyof Stages, Event>>;
}

export function applied(story: Story, spec: PipelineSpec = pipelineSpec(), version = 1): Event {
  return story.emit('registry', pipelineApplied, { spec, digest: `spec-${version}`, shards: [0] }, { version });
}

/** Writes a whole turn that ends with a promotion, changed as told. */
export function turn(story: Story, options: TurnOptions): Turned {
  const { number, time = start, version = 1, champion = null, dataHash = `data-${number}`, change = {} } = options;
  const ids = { turn: `trips-${number}`, request: `r${number}` };
  const files = filesOf(story, options, dataHash);
  const events: Turned['events'] = {};
  let cause: Event | undefined;
  const emit = <K extends keyof Stages>(
    stage: K,
    service: string,
    type: EventType,
    data: Stages[K],
    written: Written = {},
  ) => {
    if (change[stage] === null) return;
    const changed = { ...data, ...change[stage] };
    const event = story.emit(service, type, changed, {
      time,
      version,
      ...(cause === undefined ? {} : { cause }),
      ...written,
    });
    events[stage] = event;
    cause = event;
  };
  const cut = { '0': 1024 * number };
  const candidate = {
    name: 'one',
    trainer: 'boosting',
    parameters: {},
    candidate: 'folder',
    model: files.onnx,
    metrics: { roc_auc: 0.8 },
    failure: null,
  };
  const run = `run/${ids.turn}`;
  const source = (service: string) => ({ source: `${service}/trips/${ids.turn}/control` });
  const { bundle, reference, manifest } = files;
  const gates = [{ name: 'minimum roc_auc', verdict: 'passed' as const, value: 0.8, threshold: 0.7, detail: '' }];
  const place = { model: number, bundle };
  const reason = number === 1 ? 'first' : 'manual';
  emit('requested', 'monitoring', retrainRequested, {
    request: ids.request,
    reason,
    causes: [],
    cut,
    labelled: 100 * number,
  });
  emit('started', 'registry', turnStarted, { ...ids, reason, cut, seed: number, champion: champion?.bundle ?? null });
  emit(
    'snapshotted',
    'feature',
    datasetSnapshotted,
    { ...ids, manifest, dataHash, rows: 1, labelled: 1, from: 0, to: 1 },
    source('feature'),
  );
  emit('training', 'training', trainingStarted, { ...ids, run }, source('training'));
  emit('trained', 'training', modelTrained, { ...ids, run, candidate }, source('training'));
  const completed = {
    ...ids,
    run,
    manifest,
    dataHash,
    champion: champion?.bundle ?? null,
    candidates: [candidate],
    winner: 'one',
  };
  emit('completed', 'training', trainingCompleted, completed, source('training'));
  const judged = { verdict: 'passed' as const, bundle, reference, champion: champion?.bundle ?? null, gates };
  emit(
    'evaluated',
    'evaluation',
    modelEvaluated,
    { ...ids, ...judged, metrics: {}, championMetrics: null, rows: 10 },
    source('evaluation'),
  );
  const evidence = { kind: 'evaluation' as const, event: events.evaluated?.id ?? '' };
  emit('registered', 'registry', modelRegistered, { ...ids, ...place, verdict: 'passed', metrics: {} });
  const frozen = options.frozen ?? place;
  emit('promoted', 'registry', modelPromoted, {
    turn: ids.turn,
    ...place,
    reference,
    from: champion,
    evidence,
    frozen,
    gates,
  });
  emit('ended', 'registry', pipelineEnded, { ...ids, requestReason: reason, outcome: 'promoted', detail: '' });
  return { bundle, model: number, reference, promotion: events.promoted ?? null, events };
}

/** The blobs of the turn's snapshot and bundle. */
function filesOf(story: Story, { number, rows = [] }: TurnOptions, dataHash: string) {
  const segment = story.blob({
    ids: rows.map((row) => row.id),
    times: rows.map(() => start),
    at: rows.map((row) => row.at),
    columns: {},
    labels: { eventIds: [], values: [], times: [], at: [] },
  });
  const manifest = story.blob({ number, shards: [{ shard: 0, cut: 1024 * number, segments: [segment] }] });
  const onnx = story.blob({ onnx: dataHash, seed: number });
  const reference = story.blob({ reference: number });
  const lineage = story.blob({ data: { manifest, hash: dataHash } });
  const bundle = story.blob({ files: { 'model.onnx': onnx, 'reference.json': reference, 'lineage.json': lineage } });
  return { segment, manifest, onnx, reference, bundle };
}
