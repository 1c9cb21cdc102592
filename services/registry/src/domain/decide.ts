import {
  type DataOf,
  dataQualityFailed,
  type LoggedEvent,
  modelEvaluated,
  modelPromoted,
  modelRegistered,
  modelRolledBack,
  type Outcome,
  pipelineApplied,
  pipelineEnded,
  type PipelineSpec,
  retrainRequested,
  snapshotFailed,
  timerFired,
  turnStarted,
} from '@relearn/contracts';
import { fnv1a, RelearnError } from '@relearn/kernel';
import { type Decision, own, type OwnEvent } from '@relearn/runtime';
import { deadlineTimer, type FormerChampion, type ModelPlace, type PipelineState, type Turn } from './state.js';

/** What the registry does about an event. Events of a turn that has ended change nothing. */
export function decide(state: PipelineState, event: LoggedEvent): Decision {
  if (retrainRequested.is(event)) return requested(state, event.data, event.pipeline);
  const { turn } = state;
  if (turn === null) return {};
  if (dataQualityFailed.is(event)) {
    const [breach] = event.data.breaches;
    return turn.trained ? {} : ended(turn, 'failed', `data quality: ${breach?.message ?? 'an expectation is broken'}`);
  }
  if (timerFired.is(event)) {
    return event.data.timer === deadlineTimer(turn.id)
      ? ended(turn, 'failed', 'the deadline of the turn has passed')
      : {};
  }
  if (snapshotFailed.is(event) && event.data.turn === turn.id) return ended(turn, 'failed', event.data.reason);
  if (modelEvaluated.is(event) && event.data.turn === turn.id) return evaluated(state, turn, event);
  return {};
}

function requested(
  state: PipelineState,
  { request, reason, cut }: DataOf<typeof retrainRequested>,
  pipeline: string,
): Decision {
  const urgent = reason === 'manual' || reason === 'pipeline';
  const never = (detail: string, outcome: Outcome): Decision => ({
    events: [endedEvent({ turn: null, request, requestReason: reason, outcome, detail }, state.version)],
  });
  if (state.turn !== null && !urgent) return never(`turn ${state.turn.id} is running`, 'superseded');
  if (state.failing.length > 0)
    return never(`data quality: shards ${state.failing.join(', ')} break expectations`, 'failed');
  const stopped = state.turn === null ? {} : ended(state.turn, 'superseded', `request ${request} (${reason}) came`);
  const turn = `${pipeline}-${state.turns + 1}`;
  const seed = fnv1a(`${state.seed}/${request}`);
  const champion = state.champion?.bundle ?? null;
  const data = { turn, request, reason, cut, seed, champion };
  const started = own({ type: turnStarted, data, pipelineVersion: state.version, subject: turn, correlationId: turn });
  return { events: [...(stopped.events ?? []), started] };
}

function endedEvent(data: DataOf<typeof pipelineEnded>, version: number): OwnEvent {
  const correlation = data.turn === null ? {} : { correlationId: data.turn, subject: data.turn };
  return own({ type: pipelineEnded, data, pipelineVersion: version, ...correlation });
}

function ended(turn: Turn, outcome: Outcome, detail: string): Decision {
  const data = { turn: turn.id, request: turn.request, requestReason: turn.reason, outcome, detail };
  return { events: [endedEvent(data, turn.version)] };
}

function evaluated(state: PipelineState, turn: Turn, event: LoggedEvent<DataOf<typeof modelEvaluated>>): Decision {
  const { bundle, reference, verdict, metrics, gates, champion, request } = event.data;
  const reasons = gates.filter((gate) => gate.verdict !== 'passed').map((gate) => `${gate.name}: ${gate.verdict}`);
  if (bundle === null || reference === null) return ended(turn, 'no-model', reasons.join('; '));
  const model = state.models + 1;
  const shared = { pipelineVersion: turn.version, subject: turn.id, correlationId: turn.id };
  const registered = own({
    type: modelRegistered,
    data: { turn: turn.id, request, model, bundle, verdict, metrics },
    ...shared,
  });
  const refusal = refuse(state, verdict, turn.version, champion);
  if (refusal !== null) {
    const end = ended(turn, 'no-model', verdict === 'passed' ? refusal : reasons.join('; '));
    return { events: [registered, ...(end.events ?? [])] };
  }
  const data = {
    turn: turn.id,
    ...move(state, { model, bundle, reference }),
    evidence: { kind: 'evaluation' as const, event: event.id },
    gates,
  };
  const promoted = own({ type: modelPromoted, data, ...shared });
  const end = ended(turn, 'promoted', `model ${model}`);
  return { events: [registered, promoted, ...(end.events ?? [])] };
}

/** Why the alias may not move on this evidence; null when it may. */
function refuse(state: PipelineState, verdict: string, version: number, champion: string | null): string | null {
  if (verdict !== 'passed') return `the gate's verdict is ${verdict}`;
  if (version !== state.version)
    return `the evidence was made under pipeline version ${version}, version ${state.version} is in force`;
  if (champion !== (state.champion?.bundle ?? null)) return 'the evidence was made against another champion';
  return null;
}

function move(state: PipelineState, to: ModelPlace) {
  const from = state.champion === null ? null : { model: state.champion.model, bundle: state.champion.bundle };
  return { ...to, from, frozen: state.frozen ?? { model: to.model, bundle: to.bundle } };
}

/** A door's `apply`: a new pipeline version, unless the file says what is in force already. */
export function apply(state: PipelineState, spec: PipelineSpec, digest: string, shards: number[]): Decision {
  if (state.digest === digest) return {};
  return {
    events: [own({ type: pipelineApplied, data: { spec, digest, shards }, pipelineVersion: state.version + 1 })],
  };
}

/** A person's promotion: only what the last gate record allows, or a former champion. Throws REFUSED. */
export function promote(state: PipelineState, model: number): Decision {
  if (state.champion?.model === model) throw new RelearnError('REFUSED', `model ${model} is the champion already`);
  const former = state.former.findLast((place) => place.model === model);
  if (former !== undefined) return rollBackTo(state, former, 'promoted by hand');
  const { record } = state;
  if (record === null || record.model !== model) {
    throw new RelearnError('REFUSED', `there is no gate record for model ${model} against the champion in place`, {
      remedy: 'Run `relearn retrain`: a turn makes the evidence.',
    });
  }
  const refusal = refuse(state, record.verdict, record.version, record.champion);
  if (refusal !== null) throw new RelearnError('REFUSED', `model ${model} cannot be promoted: ${refusal}`);
  const evidence = { kind: 'evaluation' as const, event: record.event };
  const data = {
    turn: null,
    ...move(state, { model, bundle: record.bundle, reference: record.reference }),
    evidence,
    gates: [],
  };
  return { events: [own({ type: modelPromoted, data, pipelineVersion: state.version })] };
}

/** Back to the champion before, or to a given former one. Throws REFUSED. */
export function rollBack(state: PipelineState, model: number | null, reason: string): Decision {
  const former = state.former.findLast((place) =>
    model === null ? place.model !== state.champion?.model : place.model === model,
  );
  if (former === undefined) {
    throw new RelearnError(
      'REFUSED',
      model === null ? 'there is no former champion' : `model ${model} was never champion`,
    );
  }
  return rollBackTo(state, former, reason);
}

function rollBackTo(state: PipelineState, former: FormerChampion, reason: string): Decision {
  const { promotion, ...place } = former;
  const data = { ...move(state, place), evidence: { kind: 'promotion' as const, event: promotion }, reason };
  return { events: [own({ type: modelRolledBack, data, pipelineVersion: state.version })] };
}
