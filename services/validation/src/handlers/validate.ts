import {
  dataQualityFailed,
  dataQualityRecovered,
  dataQualityReported,
  dataQuarantined,
  dataReceived,
  dataValidated,
  type LoggedEvent,
  rowAddress,
} from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import {
  type AppliedPipeline,
  type Emission,
  emission,
  type FoldDefinition,
  type Parts,
  type Shard,
} from '@relearn/runtime';
import { sliceBatch } from '../domain/batch-slice.js';
import { compileContract } from '../domain/contract.js';
import { IdSet } from '../domain/id-set.js';
import { emptyState, type Judged, PipelineShard, type Rules, type ShardState } from '../domain/pipeline-shard.js';
import { windowRules } from '../domain/windows.js';

/** A shard's pipelines by name, and the rules in use by `pipeline/version`. */
export interface ValidationShard {
  readonly pipelines: Map<string, PipelineShard>;
  readonly rules: Map<string, Rules>;
  /** Pipelines that changed since the last save. */
  readonly dirty: Set<string>;
}

const text = new TextEncoder();
const utf8 = new TextDecoder();

/** Judges raw records by the contract of the pipeline version that the door stamped on them; emits each exactly once. */
export function validate(): FoldDefinition<ValidationShard> {
  return {
    service: 'validation',
    topics: ['data.raw'],
    // Raw events are written again when a door retries: the records' ids tell.
    sequenced: () => false,
    open: (_shard, saved) => openShard(saved),
    async apply(state, logged, _fromRow, shard) {
      const event = dataReceived.read(logged);
      const rules = await rulesOf(state, logged, shard);
      const pipeline = pipelineOf(state, event.pipeline);
      const judged = pipeline.judge(rules, event.data, (index) => rowAddress(logged.position, index));
      state.dirty.add(event.pipeline);
      countResults(shard, event.pipeline, judged);
      return emissionsOf(logged, event.data.order.length, judged, shard);
    },
    save: saveShard,
    counts: (state) => Object.fromEntries([...state.pipelines].map(([name, { state }]) => [name, { ...state.counts }])),
  };
}

function openShard(saved: Parts): ValidationShard {
  const states = new Map<string, ShardState>();
  const ids = new Map<string, Map<number, Uint8Array>>();
  for (const [part, bytes] of saved) {
    const [name = '', kind, start] = part.split('/');
    if (kind === 'state') states.set(name, JSON.parse(utf8.decode(bytes)) as ShardState);
    else ids.set(name, (ids.get(name) ?? new Map<number, Uint8Array>()).set(Number(start), bytes));
  }
  const pipelines = new Map<string, PipelineShard>();
  for (const [name, state] of states) {
    pipelines.set(name, new PipelineShard(IdSet.load(ids.get(name) ?? new Map()), state));
  }
  return { pipelines, rules: new Map(), dirty: new Set() };
}

function saveShard(state: ValidationShard): Map<string, Uint8Array | null> {
  const parts = new Map<string, Uint8Array | null>();
  for (const name of state.dirty) {
    const pipeline = state.pipelines.get(name);
    if (pipeline === undefined) continue;
    parts.set(`${name}/state`, text.encode(JSON.stringify(pipeline.state)));
    for (const [start, bytes] of pipeline.ids.save()) parts.set(`${name}/ids/${start}`, bytes);
  }
  state.dirty.clear();
  return parts;
}

function pipelineOf(state: ValidationShard, name: string): PipelineShard {
  let pipeline = state.pipelines.get(name);
  if (pipeline === undefined) {
    pipeline = new PipelineShard(new IdSet(), emptyState());
    state.pipelines.set(name, pipeline);
  }
  return pipeline;
}

async function rulesOf(state: ValidationShard, event: LoggedEvent, shard: Shard): Promise<Rules> {
  const key = `${event.pipeline}/${event.pipelineversion}`;
  const known = state.rules.get(key);
  if (known !== undefined) return known;
  const { spec, shards } = await appliedOf(event, shard);
  const rules = { contract: compileContract(spec), windows: windowRules(spec, shards.length) };
  state.rules.set(key, rules);
  return rules;
}

/** A door stamps a version that it has read in the log: what the log does not hold by now was never applied. */
async function appliedOf(event: LoggedEvent, shard: Shard): Promise<AppliedPipeline> {
  const { bus, catalog } = shard.ports;
  const { pipeline, pipelineversion } = event;
  const known = catalog.version(pipeline, pipelineversion);
  if (known !== undefined) return known;
  const partition = catalog.controlPartition(pipeline);
  const end = (await bus.bounds('control'))[partition]?.end ?? 0;
  if (end > 0) await catalog.reached(partition, end - 1);
  const applied = catalog.version(pipeline, pipelineversion);
  if (applied !== undefined) return applied;
  throw new RelearnError(
    'INVALID_EVENT',
    `${event.id}: there is no version ${pipelineversion} of pipeline '${pipeline}'`,
  );
}

function countResults(shard: Shard, pipeline: string, judged: Judged): void {
  const { records } = shard.ports.telemetry.metrics;
  const add = (result: string, count: number) => {
    if (count > 0) records.add({ service: 'validation', pipeline, result }, count);
  };
  add('validated', judged.valid.order.length);
  add('quarantined', judged.quarantined.length);
  add('duplicate', judged.duplicates);
}

function emissionsOf(event: LoggedEvent, records: number, judged: Judged, shard: Shard): Emission[] {
  const last = rowAddress(event.position, Math.max(0, records - 1));
  const emissions: Emission[] = [];
  if (judged.valid.order.length > 0) emissions.push(validatedOf(event, judged, last));
  if (judged.quarantined.length > 0) emissions.push(quarantinedOf(event, judged, last));
  for (const { number, report } of judged.reports) {
    emissions.push(
      emission({
        ...common(event, 'monitoring'),
        type: dataQualityReported,
        sequence: number,
        partition: event.partition,
        data: { ...report, shard: event.partition },
      }),
    );
  }
  for (const { number, report, failed } of judged.changes) {
    const fields = {
      ...common(event, 'control'),
      sequence: number,
      partition: shard.ports.catalog.controlPartition(event.pipeline),
    };
    const window = { start: report.start, end: report.end, shard: event.partition };
    emissions.push(
      failed
        ? emission({ ...fields, type: dataQualityFailed, data: { ...window, breaches: report.breaches } })
        : emission({ ...fields, type: dataQualityRecovered, data: window }),
    );
  }
  return emissions;
}

/** What an event has of the raw event that it was made from. */
function common(event: LoggedEvent, topic: string) {
  return {
    pipeline: event.pipeline,
    pipelineVersion: event.pipelineversion,
    source: `validation/${event.pipeline}/${event.partition}/${topic}`,
    time: Date.parse(event.time),
    causationId: event.id,
  };
}

function validatedOf(event: LoggedEvent, { valid }: Judged, last: number): Emission {
  const count = valid.order.length;
  return emission({
    ...common(event, 'data.valid'),
    type: dataValidated,
    sequence: last,
    partition: event.partition,
    data: valid,
    rows: {
      count,
      slice: (from, to) => ({
        data: sliceBatch(valid, from, to),
        sequence: to === count ? last : (valid.at?.[to - 1] ?? last),
      }),
    },
  });
}

function quarantinedOf(event: LoggedEvent, { quarantined }: Judged, last: number): Emission {
  const count = quarantined.length;
  return emission({
    ...common(event, 'data.quarantine'),
    type: dataQuarantined,
    sequence: last,
    partition: event.partition,
    data: { records: quarantined },
    rows: {
      count,
      slice: (from, to) => ({
        data: { records: quarantined.slice(from, to) },
        sequence: to === count ? last : (quarantined[to - 1]?.at ?? last),
      }),
    },
  });
}
