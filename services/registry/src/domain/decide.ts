import { decodeBundle, type Trust, whyDistrusted } from '@relearn/bundles';
import {
  type DataOf,
  dataQualityFailed,
  type LoggedEvent,
  modelEvaluated,
  modelRegistered,
  type Outcome,
  pipelineEnded,
  retrainRequested,
  rolloutJudged,
  snapshotFailed,
  timerFired,
  turnStarted,
} from '@relearn/contracts';
import { fnv1a, RelearnError } from '@relearn/kernel';
import { type Decision, type Facts, own } from '@relearn/runtime';
import { ofTurn, promotion, refuse } from './alias.js';
import { endOfTurn, judged, startRollout } from './rollout.js';
import { deadlineTimer, type PipelineState, type Turn } from './state.js';

/** What `decide` needs for an event where signatures are asked for: the bundle that may become champion. */
export function needs({ turn: running }: PipelineState, event: LoggedEvent): string[] {
  if (!modelEvaluated.is(event)) return [];
  const { turn, verdict, bundle } = event.data;
  return turn === running?.id && verdict === 'passed' && bundle !== null ? [bundle] : [];
}

/**
 * What the registry does about an event. Events of a turn that has ended change nothing. `trust`: whose bundles may become
 * champion; absent: anybody's.
 */
export function decide(state: PipelineState, event: LoggedEvent, facts: Facts, trust?: Trust): Decision {
  if (retrainRequested.is(event)) return requested(state, event.data, event.pipeline);
  const { turn } = state;
  if (turn === null) return {};
  const ended = (outcome: Outcome, detail: string) => ({ events: endOfTurn(state, turn, outcome, detail) });
  if (dataQualityFailed.is(event)) {
    const [breach] = event.data.breaches;
    return turn.trained ? {} : ended('failed', `data quality: ${breach?.message ?? 'an expectation is broken'}`);
  }
  if (timerFired.is(event)) {
    // The deadline is for making a model; how long it is tried is the rollout's own limit.
    const due = event.data.timer === deadlineTimer(turn.id) && state.rollout === undefined;
    return due ? ended('failed', 'the deadline of the turn has passed') : {};
  }
  if (snapshotFailed.is(event) && event.data.turn === turn.id) return ended('failed', event.data.reason);
  if (modelEvaluated.is(event) && event.data.turn === turn.id) return evaluated(state, turn, event, facts, trust);
  if (rolloutJudged.is(event) && event.data.turn === turn.id) return judged(state, turn, event);
  return {};
}

function requested(
  state: PipelineState,
  { request, reason, cut }: DataOf<typeof retrainRequested>,
  pipeline: string,
): Decision {
  const urgent = reason === 'manual' || reason === 'pipeline';
  const never = (detail: string, outcome: Outcome): Decision => ({
    events: [
      own({
        type: pipelineEnded,
        data: { turn: null, request, requestReason: reason, outcome, detail },
        pipelineVersion: state.version,
      }),
    ],
  });
  if (state.turn !== null && !urgent) return never(`turn ${state.turn.id} is running`, 'superseded');
  if (state.failing.length > 0)
    return never(`data quality: shards ${state.failing.join(', ')} break expectations`, 'failed');
  const stopped =
    state.turn === null ? [] : endOfTurn(state, state.turn, 'superseded', `request ${request} (${reason}) came`);
  const turn = `${pipeline}-${state.turns + 1}`;
  const seed = fnv1a(`${state.seed}/${request}`);
  const champion = state.champion?.bundle ?? null;
  const data = { turn, request, reason, cut, seed, champion };
  const started = own({ type: turnStarted, data, pipelineVersion: state.version, subject: turn, correlationId: turn });
  return { events: [...stopped, started] };
}

type Evaluated = LoggedEvent<DataOf<typeof modelEvaluated>>;

function evaluated(
  state: PipelineState,
  turn: Turn,
  event: Evaluated,
  facts: Facts,
  trust: Trust | undefined,
): Decision {
  const { bundle, reference, verdict, metrics, gates, champion, request, incomparable } = event.data;
  const reasons = gates.filter((gate) => gate.verdict !== 'passed').map((gate) => `${gate.name}: ${gate.verdict}`);
  if (bundle === null || reference === null) return { events: endOfTurn(state, turn, 'no-model', reasons.join('; ')) };
  const distrusted = verdict === 'passed' ? whyUnfit(event.pipeline, bundle, facts, trust) : null;
  const model = state.models + 1;
  const registered = own({
    type: modelRegistered,
    data: { turn: turn.id, request, model, bundle, verdict: distrusted === null ? verdict : 'rejected', metrics },
    ...ofTurn(turn),
  });
  const refusal = distrusted ?? refuse(state, verdict, turn.version, champion);
  if (refusal !== null) {
    const detail = verdict === 'passed' ? refusal : reasons.join('; ');
    return { events: [registered, ...endOfTurn(state, turn, 'no-model', detail)] };
  }
  const place = { model, bundle, reference };
  const evidence = { event: event.id, gates };
  // Beside a champion that cannot take its rows there is nothing to be seen.
  if (state.policy !== undefined && state.champion !== null && incomparable === undefined) {
    const started = startRollout(turn, state.champion, place, state.policy, evidence);
    return { events: [registered, started] };
  }
  const promoted = promotion(state, turn, place, evidence);
  return { events: [registered, promoted, ...endOfTurn(state, turn, 'promoted', `model ${model}`)] };
}

/** Why a passed bundle may not go live all the same; null where it may. */
function whyUnfit(pipeline: string, digest: string, facts: Facts, trust: Trust | undefined): string | null {
  if (trust === undefined) return null;
  try {
    const reason = whyDistrusted(trust, pipeline, digest, decodeBundle(digest, facts.get(digest) ?? new Uint8Array()));
    return reason === null ? null : `bundle ${digest}: ${reason}`;
  } catch (thrown) {
    const { code, message } = RelearnError.from(thrown);
    if (code !== 'CORRUPT') throw thrown;
    return message;
  }
}
