import {
  type ManualRecord,
  modelPinned,
  modelRegistered,
  modelRolledBack,
  modelUnpinned,
  pipelineApplied,
  type PipelineSpec,
} from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { type Decision, own } from '@relearn/runtime';
import { move, pinnedBy, plainPromotion, promotion, refuse } from './alias.js';
import { endOfRollout, takeOver } from './rollout.js';
import { type FormerChampion, type PipelineState, plainKept } from './state.js';

/**
 * A door's `apply`: a new pipeline version, unless the file says what is in force already. A rollout under the old one ends.
 * Throws ALREADY_EXISTS where the name is that of a model which no pipeline owns.
 */
export function apply(state: PipelineState, spec: PipelineSpec, digest: string, shards: number[]): Decision {
  if (state.plain !== undefined) {
    throw new RelearnError('ALREADY_EXISTS', `'${spec.name}' is the name of a model that was registered by hand`, {
      remedy: 'Give the pipeline another name: clients of that model would get answers of another kind.',
    });
  }
  if (state.digest === digest) return {};
  const version = state.version + 1;
  const applied = own({ type: pipelineApplied, data: { spec, digest, shards }, pipelineVersion: version });
  return { events: [...endOfRollout(state, 'superseded', `version ${version} was applied`), applied] };
}

/** What is known of a file that was tried: its bundle, and the record that the registration carries. */
export interface TriedFile {
  readonly bundle: string;
  readonly record: ManualRecord;
}

/**
 * A person's file becomes the next version of a name that no pipeline owns, and its champion where that is wanted. Throws
 * ALREADY_EXISTS where a pipeline has the name, REFUSED where the champion is pinned.
 */
export function register(state: PipelineState, name: string, file: TriedFile, champion: boolean): Decision {
  mayBePlain(state, name);
  if (champion) mayMove(state);
  const version = { model: state.models + 1, bundle: file.bundle };
  const data = { ...version, verdict: 'passed' as const, metrics: {}, manual: file.record };
  const registered = own({ type: modelRegistered, data, pipelineVersion: 0 });
  const moved = champion ? [plainPromotion({ ...state, plain: [...(state.plain ?? []), version] }, version)] : [];
  return { events: [registered, ...moved] };
}

/** Throws ALREADY_EXISTS where a pipeline has the name: its models go live on their evaluation alone. */
export function mayBePlain(state: PipelineState, name: string): void {
  if (state.version === 0) return;
  throw new RelearnError(
    'ALREADY_EXISTS',
    `'${name}' is the name of a pipeline, whose models come from its turns alone`,
    {
      remedy: 'Register the file under another name.',
    },
  );
}

/** A person's promotion: only what the last gate record allows, or a former champion. Ends a rollout. Throws REFUSED. */
export function promote(state: PipelineState, model: number): Decision {
  if (state.champion?.model === model) throw new RelearnError('REFUSED', `model ${model} is the champion already`);
  mayMove(state);
  const registered = state.plain?.find((version) => version.model === model);
  if (registered !== undefined) return { events: [plainPromotion(state, registered)] };
  const { rollout, turn } = state;
  if (rollout?.model === model && turn !== null) return takeOver(state, turn, rollout);
  const former = state.former.findLast((place) => place.model === model);
  if (former !== undefined) return rollBackTo(state, former, 'promoted by hand');
  if (state.plain !== undefined) {
    throw new RelearnError(
      'REFUSED',
      `model ${model} is none of the newest ${plainKept} versions, nor a former champion`,
    );
  }
  const { record } = state;
  if (record === null || record.model !== model) {
    throw new RelearnError('REFUSED', `there is no gate record for model ${model} against the champion in place`, {
      remedy: 'Run `relearn retrain`: a turn makes the evidence.',
    });
  }
  const refusal = refuse(state, record.verdict, record.version, record.champion);
  if (refusal !== null) throw new RelearnError('REFUSED', `model ${model} cannot be promoted: ${refusal}`);
  const { bundle, reference, event } = record;
  return { events: [promotion(state, null, { model, bundle, reference }, { event, gates: [] })] };
}

/**
 * Back to a given former champion, or to what answered before: that ends a rollout, where one is under way, else the champion
 * before takes over. Throws REFUSED.
 */
export function rollBack(state: PipelineState, model: number | null, reason: string): Decision {
  mayMove(state);
  if (model === null && state.rollout !== undefined) {
    return { events: endOfRollout(state, 'no-model', `model ${state.rollout.model} rolled back by hand: ${reason}`) };
  }
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

/** From now on nothing moves the alias, until it is unpinned. Ends a rollout. Throws REFUSED without a champion. */
export function pin(state: PipelineState, reason: string): Decision {
  const { champion, version } = state;
  if (champion === null) throw new RelearnError('REFUSED', 'there is no champion to pin');
  if (state.pinned) return {};
  const pinned = own({ type: modelPinned, data: { model: champion.model, reason }, pipelineVersion: version });
  return { events: [...endOfRollout(state, 'superseded', `model ${champion.model} was pinned`), pinned] };
}

/** The alias may move again. */
export function unpin(state: PipelineState, reason: string): Decision {
  const { champion, version } = state;
  if (champion === null || !state.pinned) return {};
  return {
    events: [own({ type: modelUnpinned, data: { model: champion.model, reason }, pipelineVersion: version })],
  };
}

function mayMove(state: PipelineState): void {
  if (!state.pinned) return;
  throw new RelearnError('REFUSED', pinnedBy(state), { remedy: 'Run `relearn unpin` first.' });
}

function rollBackTo(state: PipelineState, former: FormerChampion, reason: string): Decision {
  const { promotion, ...place } = former;
  const data = { ...move(state, place), evidence: { kind: 'promotion' as const, event: promotion }, reason };
  const moved = own({ type: modelRolledBack, data, pipelineVersion: state.version });
  return { events: [moved, ...endOfRollout(state, 'superseded', `model ${place.model} was made champion by hand`)] };
}
