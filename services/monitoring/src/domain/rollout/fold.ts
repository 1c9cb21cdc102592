import {
  type Event,
  type EventType,
  rolloutAdvanced,
  rolloutEnded,
  rolloutJudged,
  rolloutObserved,
  rolloutStarted,
  windowProfiled,
} from '@relearn/contracts';
import { type Decision, type Due, own, refOf } from '@relearn/runtime';
import { type LossCounts, PairedLosses } from '@relearn/stats';
import type { CompleteWindow, TriggerState } from '../trigger-state.js';
import { conclude, type Judging } from './judge.js';

/** Folds an event of a rollout; null: it is none. */
export function foldRollout(state: TriggerState, event: Event): TriggerState | null {
  if (rolloutStarted.is(event)) {
    const { turn, request, model, policy } = event.data;
    const since = Date.parse(event.time);
    const nothing = {
      now: since,
      cause: refOf(event),
      step: 0,
      before: 0,
      observed: {},
      losses: { levels: [], counts: [] },
      given: false,
    };
    return { ...state, rollout: { turn, request, model, policy, since, ...nothing } };
  }
  const { rollout, ...rest } = state;
  if (rolloutEnded.is(event)) return rest;
  if (rolloutAdvanced.is(event)) {
    if (rollout === undefined) return state;
    return { ...state, rollout: { ...rollout, step: event.data.step, before: requestsOf(rollout), given: false } };
  }
  if (rolloutObserved.is(event)) {
    const { model, shard, counts } = event.data;
    if (rollout?.model !== model) return state;
    return { ...state, rollout: { ...rollout, observed: { ...rollout.observed, [shard]: counts } } };
  }
  if (rolloutJudged.is(event))
    return rollout === undefined ? state : { ...state, rollout: { ...rollout, given: true } };
  return null;
}

/** Labels that came in a window, of rows that both models had scored. */
export function withLosses(state: TriggerState, profiles: CompleteWindow): TriggerState {
  const { rollout } = state;
  if (rollout === undefined) return state;
  const losses = new PairedLosses(rollout.losses);
  for (const profiled of profiles) {
    if (profiled.losses?.model === rollout.model) losses.merge(profiled.losses.counts as LossCounts);
  }
  return { ...state, rollout: { ...rollout, losses: losses.snapshot() } };
}

/** The rollout with the event as the latest that tells on it. */
export function seenBy(state: TriggerState, event: Event): TriggerState {
  const { rollout } = state;
  if (rollout === undefined || !tells.some((type) => type.is(event))) return state;
  const now = Math.max(rollout.now, Date.parse(event.time));
  return { ...state, rollout: { ...rollout, now, cause: refOf(event) } };
}

const tells: readonly EventType[] = [rolloutStarted, rolloutAdvanced, rolloutObserved, windowProfiled];

/**
 * The verdict that is due, as a job: what a job gives is taken between slices in a backtest, so that the rows which a promoted
 * model scores do not depend on the machine.
 */
export function verdictDue({ rollout }: TriggerState): Due {
  if (rollout === undefined || conclude(rollout) === null) return {};
  const { turn, step, cause } = rollout;
  return { jobs: [{ id: `judge/${turn}/${step}`, kind: 'judge', input: null, cause }] };
}

export function verdict({ rollout, version }: TriggerState): Decision | null {
  const conclusion = rollout === undefined ? null : conclude(rollout);
  if (rollout === undefined || conclusion === null) return null;
  const { turn, request, model, step } = rollout;
  const data = { turn, request, model, step, ...conclusion };
  return { events: [own({ type: rolloutJudged, data, pipelineVersion: version, subject: turn, correlationId: turn })] };
}

function requestsOf({ observed }: Judging): number {
  return Object.values(observed).reduce((sum, { requests }) => sum + requests, 0);
}
