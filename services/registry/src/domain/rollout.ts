import {
  type DataOf,
  type Gate,
  type GradualRollout,
  type LoggedEvent,
  type Outcome,
  pipelineEnded,
  rolloutAdvanced,
  rolloutEnded,
  type rolloutJudged,
  type RolloutOutcome,
  rolloutStarted,
} from '@relearn/contracts';
import { type Decision, own, type OwnEvent } from '@relearn/runtime';
import { ofTurn, promotion, refuse } from './alias.js';
import type { ModelPlace, PipelineState, Rollout, Turn } from './state.js';

/** The challenger begins beside the champion; the turn goes on. */
export function startRollout(
  turn: Turn,
  champion: Pick<ModelPlace, 'model' | 'bundle'>,
  challenger: ModelPlace,
  policy: GradualRollout,
  evidence: { readonly event: string; readonly gates: readonly Gate[] },
): OwnEvent {
  const data = {
    turn: turn.id,
    request: turn.request,
    ...challenger,
    champion: { model: champion.model, bundle: champion.bundle },
    policy,
    evidence: evidence.event,
    gates: [...evidence.gates],
  };
  return own({ type: rolloutStarted, data, ...ofTurn(turn) });
}

/** What follows from the judge's verdict. One on another step, or on a rollout that has ended, changes nothing. */
export function judged(
  state: PipelineState,
  turn: Turn,
  { data }: LoggedEvent<DataOf<typeof rolloutJudged>>,
): Decision {
  const { rollout } = state;
  if (rollout === undefined || data.model !== rollout.model || data.step !== rollout.step) return {};
  if (data.verdict === 'rollback') {
    return {
      events: endOfTurn(state, turn, 'no-model', `model ${rollout.model} rolled back: ${data.reasons.join('; ')}`),
    };
  }
  if (data.verdict === 'promote') return takeOver(state, turn, rollout);
  const step = rollout.step + 1;
  const share = rollout.policy.steps[step];
  if (share === undefined) return {};
  const advanced = { turn: turn.id, request: turn.request, model: rollout.model, step, share };
  return { events: [own({ type: rolloutAdvanced, data: advanced, ...ofTurn(turn) })] };
}

/** The challenger becomes champion on the gate record with which it began. */
export function takeOver(state: PipelineState, turn: Turn, rollout: Rollout): Decision {
  const refusal = refuse(state, 'passed', turn.version, rollout.champion);
  if (refusal !== null) return { events: endOfTurn(state, turn, 'no-model', refusal) };
  const { model, bundle, reference, evidence, gates } = rollout;
  const promoted = promotion(state, turn, { model, bundle, reference }, { event: evidence, gates });
  return { events: [promoted, ...endOfTurn(state, turn, 'promoted', `model ${model}`)] };
}

/** The end of the turn and, before it, of its rollout. */
export function endOfTurn(state: PipelineState, turn: Turn, outcome: Outcome, detail: string): OwnEvent[] {
  const { id, request, reason } = turn;
  const data = { turn: id, request, requestReason: reason, outcome, detail };
  const ended = own({ type: pipelineEnded, data, ...ofTurn(turn) });
  if (state.rollout === undefined) return [ended];
  const over = { turn: id, request, model: state.rollout.model, outcome: outcomeOf(outcome), reasons: [detail] };
  return [own({ type: rolloutEnded, data: over, ...ofTurn(turn) }), ended];
}

/** The end of the rollout that is under way, and of its turn; nothing where there is none. */
export function endOfRollout(state: PipelineState, outcome: Outcome, detail: string): OwnEvent[] {
  return state.rollout === undefined || state.turn === null ? [] : endOfTurn(state, state.turn, outcome, detail);
}

function outcomeOf(outcome: Outcome): RolloutOutcome {
  if (outcome === 'promoted') return 'promoted';
  return outcome === 'no-model' ? 'rolled-back' : 'superseded';
}
