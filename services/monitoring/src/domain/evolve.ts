import {
  dataQualityFailed,
  dataQualityRecovered,
  driftDetected,
  driftReported,
  type Event,
  modelPromoted,
  modelRolledBack,
  performanceReported,
  pipelineApplied,
  pipelineEnded,
  retrainRequested,
  windowProfiled,
} from '@relearn/contracts';
import { causesOf, outcomeOf } from './judge-window.js';
import { nextAlarm } from './retrain-policy.js';
import { foldRollout, seenBy, withLosses } from './rollout/fold.js';
import { arrival, type CompleteWindow, labelledTotal, type TriggerState } from './trigger-state.js';

/** Windows of states that hysteresis may look back on. */
const statesKept = 100;

/** Folds an event, another's or an own one, into what monitoring knows of a pipeline. */
export function evolve(state: TriggerState, event: Event): TriggerState {
  return seenBy(folded(state, event), event);
}

function folded(state: TriggerState, event: Event): TriggerState {
  if (windowProfiled.is(event)) {
    const { state: arrived, complete } = arrival(state, event.data);
    return complete.reduce(closed, arrived);
  }
  if (driftReported.is(event)) {
    const driftCauses =
      event.data.state === 'DRIFT' || state.driftCauses.length === 0 ? causesOf(event.data) : state.driftCauses;
    return { ...state, driftStates: [...state.driftStates, event.data.state].slice(-statesKept), driftCauses };
  }
  if (performanceReported.is(event)) {
    const { state: verdict, trailing, reference } = event.data;
    const performanceStates = [...state.performanceStates, verdict].slice(-statesKept);
    return { ...state, performanceStates, lastTrailing: trailing, lastTarget: reference };
  }
  if (driftDetected.is(event)) {
    return event.data.kind === 'drift' ? { ...state, driftAlarm: true } : { ...state, performanceAlarm: true };
  }
  if (pipelineApplied.is(event)) {
    const { spec, shards } = event.data;
    return { ...state, spec, shards, version: event.pipelineversion, pendingVersion: event.pipelineversion > 1 };
  }
  if (retrainRequested.is(event)) return requested(state, event);
  if (pipelineEnded.is(event)) {
    const { turn, request, outcome } = event.data;
    const open = state.open.filter((other) => other !== request);
    if (turn === null || outcome === 'superseded') return { ...state, open };
    return { ...state, open, rejected: outcome === 'promoted' ? 0 : state.rejected + 1 };
  }
  if (modelPromoted.is(event) || modelRolledBack.is(event)) {
    const { model, reference, frozen } = event.data;
    if (reference === undefined) return state;
    return { ...clearAlarms(state), champion: { model, reference }, frozen: frozen?.model ?? null, outcomes: [] };
  }
  const rolled = foldRollout(state, event);
  if (rolled !== null) return rolled;
  if (dataQualityFailed.is(event)) return { ...state, failing: [...new Set([...state.failing, event.data.shard])] };
  if (dataQualityRecovered.is(event))
    return { ...state, failing: state.failing.filter((shard) => shard !== event.data.shard) };
  return state;
}

/** A new champion has a new reference: what was seen against the old one says nothing of it. */
function clearAlarms(state: TriggerState): TriggerState {
  return {
    ...state,
    driftStates: [],
    performanceStates: [],
    driftAlarm: false,
    performanceAlarm: false,
    driftCauses: [],
  };
}

function requested(state: TriggerState, event: Event<{ request: string; reason: string }>): TriggerState {
  const now = Date.parse(event.time);
  return {
    ...state,
    requests: state.requests + 1,
    lastRequest: now,
    labelledAtRequest: labelledTotal(state),
    turns: event.data.reason === 'first' ? state.turns : [...state.turns, now].slice(-100),
    pendingVersion: false,
    open: [...state.open, event.data.request],
  };
}

/** A complete window moves the cut and the count of labels, and is among the last outcomes. */
export function closed(before: TriggerState, profiles: CompleteWindow): TriggerState {
  const cut = { ...before.cut };
  const labelled = { ...before.labelled };
  for (const { shard, read, labelledTotal: labels } of profiles) {
    cut[shard] = Math.max(cut[shard] ?? 0, read);
    labelled[shard] = Math.max(labelled[shard] ?? 0, labels);
  }
  const state = withLosses({ ...before, cut, labelled }, profiles);
  const { spec } = state;
  if (spec === null || profiles[0]?.part === 'inputs') {
    return {
      ...state,
      driftAlarm: state.driftAlarm && nextAlarm(true, state.driftStates, spec?.retrain.drift ?? null),
    };
  }
  const outcome = state.champion === null ? null : outcomeOf(profiles, state.champion.model);
  const outcomes =
    outcome === null ? state.outcomes : [...state.outcomes, outcome].slice(-spec.monitor.performance.windows);
  const performanceAlarm = state.performanceAlarm && nextAlarm(true, state.performanceStates, spec.retrain.performance);
  return { ...state, outcomes, performanceAlarm };
}
