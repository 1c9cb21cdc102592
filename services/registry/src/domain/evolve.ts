import {
  type DataOf,
  dataQualityFailed,
  dataQualityRecovered,
  type Event,
  modelEvaluated,
  modelPinned,
  modelPromoted,
  modelRegistered,
  modelRolledBack,
  modelUnpinned,
  pipelineApplied,
  pipelineEnded,
  rolloutAdvanced,
  rolloutEnded,
  rolloutStarted,
  timerFired,
  trainingCompleted,
  turnStarted,
} from '@relearn/contracts';
import { deadlineTimer, formerKept, type PipelineState, plainKept } from './state.js';

/** Folds an event into the pipeline's state: what the registry decided, and what it has to know of others. */
export function evolve(state: PipelineState, event: Event): PipelineState {
  if (pipelineApplied.is(event)) {
    const { spec, digest } = event.data;
    const { policy: _, ...rest } = state;
    const policy = spec.rollout.strategy === 'direct' ? {} : { policy: spec.rollout };
    const { deadline: deadlineMs, seed } = spec.train;
    return { ...rest, version: event.pipelineversion, digest, deadlineMs, seed, ...policy };
  }
  if (turnStarted.is(event)) {
    const { turn: id, request, reason } = event.data;
    return {
      ...state,
      turns: state.turns + 1,
      turn: {
        id,
        request,
        reason,
        version: event.pipelineversion,
        trained: false,
        deadlineMs: state.deadlineMs,
        overdue: false,
      },
    };
  }
  if (timerFired.is(event)) {
    const { turn } = state;
    return turn === null || event.data.timer !== deadlineTimer(turn.id)
      ? state
      : { ...state, turn: { ...turn, overdue: true } };
  }
  if (trainingCompleted.is(event)) {
    if (state.turn === null || event.data.turn !== state.turn.id) return state;
    return { ...state, turn: { ...state.turn, trained: true } };
  }
  if (modelRegistered.is(event)) return registered(state, event.data);
  if (modelEvaluated.is(event)) return evaluated(state, event);
  if (modelPromoted.is(event) || modelRolledBack.is(event)) return moved(state, event);
  if (pipelineEnded.is(event)) {
    const ended = event.data.turn !== null && event.data.turn === state.turn?.id;
    return { ...state, turn: ended ? null : state.turn, lastOutcome: event.data.outcome };
  }
  if (rolloutStarted.is(event)) {
    const { model, bundle, reference, champion, policy, evidence, gates } = event.data;
    const rollout = { model, bundle, reference, champion: champion.bundle, policy, step: 0, evidence, gates };
    return { ...state, rollout };
  }
  if (rolloutAdvanced.is(event)) {
    return state.rollout === undefined ? state : { ...state, rollout: { ...state.rollout, step: event.data.step } };
  }
  if (rolloutEnded.is(event)) return without(state, 'rollout');
  if (modelPinned.is(event)) return { ...state, pinned: true };
  if (modelUnpinned.is(event)) return without(state, 'pinned');
  if (dataQualityFailed.is(event)) {
    return { ...state, failing: [...new Set([...state.failing, event.data.shard])].sort((a, b) => a - b) };
  }
  if (dataQualityRecovered.is(event)) {
    return { ...state, failing: state.failing.filter((shard) => shard !== event.data.shard) };
  }
  return state;
}

function registered(
  state: PipelineState,
  { model, bundle, manual, verdict }: DataOf<typeof modelRegistered>,
): PipelineState {
  const models = Math.max(state.models, model);
  if (manual === undefined) {
    // What evaluation has passed may have been refused when it was registered.
    const record = state.record?.model === model ? { ...state.record, verdict } : state.record;
    return { ...state, models, record };
  }
  return { ...state, models, plain: [...(state.plain ?? []), { model, bundle }].slice(-plainKept) };
}

function without(state: PipelineState, key: 'rollout' | 'pinned'): PipelineState {
  const { [key]: _, ...rest } = state;
  return rest;
}

function evaluated(state: PipelineState, event: Event<DataOf<typeof modelEvaluated>>): PipelineState {
  const { bundle, reference, verdict, champion, turn } = event.data;
  if (bundle === null || reference === null || turn !== state.turn?.id) return state;
  const record = {
    event: event.id,
    bundle,
    reference,
    model: state.models + 1,
    verdict,
    version: event.pipelineversion,
    champion,
  };
  return { ...state, record };
}

type Move = Pick<DataOf<typeof modelPromoted>, 'model' | 'bundle' | 'reference' | 'frozen'>;

function moved(state: PipelineState, event: Event<Move>): PipelineState {
  const { model, bundle, reference, frozen } = event.data;
  const former = state.champion === null ? state.former : [...state.former, state.champion].slice(-formerKept);
  const champion = { model, bundle, ...(reference === undefined ? {} : { reference }), promotion: event.id };
  return { ...state, champion, frozen, former, record: null };
}
