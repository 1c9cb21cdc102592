import {
  type Columns,
  dataQuarantined,
  dataValidated,
  deadLettered,
  decodeEvent,
  type Event,
  featuresComputed,
  modelTrained,
  pipelineEnded,
  pipelineApplied,
  predictionLogged,
  recordsOf,
  retrainRequested,
  rolloutEnded,
  type Topic,
  valuesOf,
  windowProfiled,
} from '@relearn/contracts';
import { canonicalJson } from '@relearn/kernel';
import { rowAddressesOf, Sequences } from '@relearn/runtime';
import { LabelJoins } from './label-joins.js';
import type { Durable } from './system.js';

const everything = { maxRecords: 1_000_000, maxBytes: 1 << 30 };

/** What the log says in the end, read through the sequence rule; of rows made from rows each as one text. */
export interface Told {
  /** `stream/id` in the order of each partition; clock markers are left out. */
  readonly valid: string[];
  readonly quarantined: string[];
  /** Values of valid records, features of rows, and windows, in the order of each partition. */
  readonly values: string[];
  readonly features: string[];
  readonly windows: string[];
  /** Ids of rows with features and of rows with predictions. */
  readonly featured: string[];
  readonly predicted: string[];
  readonly requests: { readonly reason: string; readonly labelled: number }[];
  /** Turn and digest of each model. */
  readonly models: string[];
  /** Turns that have ended. */
  readonly turns: number;
  /** Rollouts that have ended. */
  readonly rollouts: number;
  readonly applied: number;
  readonly deadLetters: number;
  readonly gaps: string[];
  readonly joins: LabelJoins;
  /** By id: what a row was scored with when it was first written; also by copies that no reader applies. */
  readonly scored: Map<string, string>;
  /** Ids of rows that a copy tells another score of. */
  readonly scoredOtherwise: Set<string>;
}

const topics: readonly Topic[] = [
  'data.valid',
  'data.quarantine',
  'features',
  'predictions',
  'monitoring',
  'control',
  'dead-letters',
];

export async function readTold({ bus, partitions }: Pick<Durable, 'bus' | 'partitions'>): Promise<Told> {
  const told: Mutable = {
    valid: [],
    quarantined: [],
    values: [],
    features: [],
    windows: [],
    featured: [],
    predicted: [],
    requests: [],
    models: [],
    turns: 0,
    rollouts: 0,
    applied: 0,
    deadLetters: 0,
    gaps: [],
    joins: new LabelJoins(),
    scored: new Map(),
    scoredOtherwise: new Set(),
  };
  for (const topic of topics) {
    for (let partition = 0; partition < partitions; partition++) {
      const sequences = new Sequences();
      for (const record of await bus.read(topic, partition, 0, everything)) {
        const event = decodeEvent(record);
        takeScores(told, event);
        const verdict = sequences.judge(event, rowAddressesOf(event));
        if (verdict.kind === 'gap') told.gaps.push(event.id);
        if (verdict.kind === 'skip') continue;
        sequences.advance(event);
        take(told, event, verdict.kind === 'apply' ? verdict.fromRow : 0, partition);
      }
    }
  }
  return told;
}

type Mutable = { -readonly [K in keyof Told]: Told[K] };

function take(told: Mutable, event: Event, from: number, partition: number): void {
  if (dataValidated.is(event)) {
    for (const record of recordsOf(event.data)) {
      if (record.index < from) continue;
      told.joins.takeValid(partition, record);
      if (record.stream.startsWith('$')) continue;
      told.valid.push(`${record.stream}/${record.id}`);
      told.values.push(`${partition} ${record.stream}/${record.id} ${record.time} ${canonicalJson(valuesOf(record))}`);
    }
  } else if (dataQuarantined.is(event)) {
    for (const { stream, id } of event.data.records.slice(from)) told.quarantined.push(`${stream}/${id}`);
  } else if (featuresComputed.is(event)) {
    const { ids, columns } = event.data;
    for (let row = from; row < ids.length; row++) {
      const values = Object.entries(columns).map(([name, cells]) => [name, cells[row]]);
      told.featured.push(ids[row] ?? '');
      told.features.push(`${partition} ${ids[row]} ${canonicalJson(Object.fromEntries(values))}`);
    }
  } else if (predictionLogged.is(event)) {
    for (const id of event.data.ids.slice(from)) told.predicted.push(id ?? '');
    told.joins.takePredictions(event.data, from);
  } else takeControl(told, event);
}

/** A row that is retried is scored by the same models. */
function takeScores({ scored, scoredOtherwise }: Mutable, event: Event): void {
  if (!predictionLogged.is(event)) return;
  for (const [row, id] of event.data.ids.entries()) {
    const arms = event.data.arms.filter(({ arm }) => arm !== 'challenger');
    const text = canonicalJson(arms.map(({ arm, model, outputs }) => [arm, model, cellsOf(outputs, row)]));
    const first = scored.get(id ?? '') ?? text;
    scored.set(id ?? '', first);
    if (first !== text) scoredOtherwise.add(id ?? '');
  }
}

function cellsOf(columns: Columns, row: number): unknown[] {
  return Object.values(columns).map((cells) => cells[row]);
}

function takeControl(told: Mutable, event: Event): void {
  if (windowProfiled.is(event)) {
    const { part, start, end, shard, rows, labelledTotal } = event.data;
    told.joins.takeWindow(event.data);
    told.windows.push([shard, part, start, end, rows, labelledTotal].join(' '));
  } else if (retrainRequested.is(event)) {
    told.requests.push({ reason: event.data.reason, labelled: event.data.labelled });
  } else if (pipelineEnded.is(event)) told.turns += event.data.turn === null ? 0 : 1;
  else if (rolloutEnded.is(event)) told.rollouts += 1;
  else if (modelTrained.is(event)) told.models.push(`${event.data.turn} ${event.data.candidate.model}`);
  else if (pipelineApplied.is(event)) told.applied += 1;
  else if (deadLettered.is(event)) told.deadLetters += 1;
}
