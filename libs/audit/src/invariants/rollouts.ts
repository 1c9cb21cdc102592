import {
  type DataOf,
  type LoggedEvent,
  modelEvaluated,
  modelPinned,
  modelPromoted,
  modelUnpinned,
  pipelineApplied,
  predictionLogged,
  rolloutAdvanced,
  rolloutEnded,
  rolloutStarted,
} from '@relearn/contracts';
import { type Invariant, PerPipeline } from '../invariant.js';
import { moveOf } from './moves.js';

interface Running {
  readonly started: DataOf<typeof rolloutStarted>;
  step: number;
  promoted: boolean;
}

interface Pipeline {
  readonly records: Map<string, LoggedEvent<DataOf<typeof modelEvaluated>>>;
  readonly all: Map<number, DataOf<typeof rolloutStarted>>;
  running: Running | null;
  champion: string | null;
  version: number;
  pinned: number | null;
}

/**
 * A model is tried beside the champion on evidence alone, like a promotion: a passed gate record for its bundle, made against
 * the champion in place under the version in force. One at a time; step by step as its policy says; it ends once, as promoted
 * where it became champion and otherwise not. A shadow answers no request that could have had the champion. A pinned alias
 * does not move.
 */
export function rolloutsKeepTheirPolicy(): Invariant {
  const pipelines = new PerPipeline<Pipeline>(() => ({
    records: new Map(),
    all: new Map(),
    running: null,
    champion: null,
    version: 0,
    pinned: null,
  }));
  return {
    name: 'a rollout keeps its policy',
    topics: ['control', 'predictions'],
    take(event, _fromRow, report) {
      const state = pipelines.of(event.pipeline);
      for (const message of breaches(state, event)) report({ pipeline: event.pipeline, message, event: event.id });
      remember(state, event);
    },
  };
}

function breaches(state: Pipeline, event: LoggedEvent): string[] {
  const { running } = state;
  if (predictionLogged.is(event)) return answeredByShadow(state, predictionLogged.read(event).data);
  const moved = moveOf(event);
  if (moved !== null && state.pinned !== null) return [`the alias moved while model ${state.pinned} was pinned`];
  if (rolloutStarted.is(event)) return badStart(state, event.data);
  if (rolloutAdvanced.is(event)) {
    const { model, step, share } = event.data;
    if (running?.started.model !== model) return [`model ${model} advanced, which is not rolled out`];
    const expected = running.step + 1;
    const due = running.started.policy.steps[expected];
    return step === expected && share === due
      ? []
      : [`model ${model} advanced to step ${step} (${share}), its policy has ${due} as step ${expected} next`];
  }
  if (rolloutEnded.is(event)) {
    const { model, outcome } = event.data;
    if (running?.started.model !== model) return [`the rollout of model ${model} ended, which is not rolled out`];
    return (outcome === 'promoted') === running.promoted
      ? []
      : [
          `the rollout of model ${model} ended as ${outcome}, and the model ${running.promoted ? 'was' : 'was not'} promoted`,
        ];
  }
  return [];
}

function badStart({ records, running, champion, version }: Pipeline, started: DataOf<typeof rolloutStarted>): string[] {
  const { model, bundle, evidence } = started;
  const record = records.get(evidence);
  const told = [
    ...(running === null ? [] : [`while model ${running.started.model} was`]),
    ...(started.champion.bundle === champion ? [] : [`against ${started.champion.bundle}, which is not the champion`]),
    ...(record === undefined ? [`and no gate record ${evidence} stands before it`] : []),
    ...(record === undefined || record.data.verdict === 'passed'
      ? []
      : [`on a record that says ${record.data.verdict}`]),
    ...(record === undefined || record.data.bundle === bundle ? [] : [`on a record for bundle ${record.data.bundle}`]),
    ...(record === undefined || record.data.champion === champion ? [] : ['on a record against another champion']),
    ...(record === undefined || record.pipelineversion === version ? [] : ['on a record under another version']),
  ];
  return told.map((reason) => `model ${model} was rolled out ${reason}`);
}

/** Only requests that named no version tell on a rollout. */
function answeredByShadow({ all }: Pipeline, { kind, arms, rollout }: DataOf<typeof predictionLogged>): string[] {
  const strategy = rollout === undefined ? undefined : all.get(rollout)?.policy.strategy;
  if (rollout !== undefined && strategy === undefined)
    return [`rows tell on model ${rollout}, which was never rolled out`];
  const answered = kind === 'request' && arms.some(({ arm }) => arm === 'challenger');
  return strategy === 'shadow' && answered ? [`model ${rollout} answered a request as a shadow`] : [];
}

function remember(state: Pipeline, event: LoggedEvent): void {
  if (pipelineApplied.is(event)) state.version = event.pipelineversion;
  else if (modelEvaluated.is(event)) state.records.set(event.id, event);
  else if (modelPinned.is(event)) state.pinned = event.data.model;
  else if (modelUnpinned.is(event)) state.pinned = null;
  else if (rolloutStarted.is(event)) {
    state.all.set(event.data.model, event.data);
    state.running = { started: event.data, step: 0, promoted: false };
  } else if (rolloutAdvanced.is(event) && state.running !== null) state.running.step = event.data.step;
  else if (rolloutEnded.is(event)) state.running = null;
  const move = moveOf(event);
  if (move === null) return;
  state.champion = move.data.bundle;
  if (state.running !== null && modelPromoted.is(event) && event.data.model === state.running.started.model)
    state.running.promoted = true;
}
