import { type Gate, modelPromoted } from '@relearn/contracts';
import { own, type OwnEvent } from '@relearn/runtime';
import type { FormerChampion, ModelPlace, PipelineState, PlainVersion, Turn } from './state.js';

/** Why the alias may not move on this evidence; null when it may. */
export function refuse(state: PipelineState, verdict: string, version: number, champion: string | null): string | null {
  if (state.pinned) return pinnedBy(state);
  if (verdict !== 'passed') return `the gate's verdict is ${verdict}`;
  if (version !== state.version)
    return `the evidence was made under pipeline version ${version}, version ${state.version} is in force`;
  if (champion !== (state.champion?.bundle ?? null)) return 'the evidence was made against another champion';
  return null;
}

/** What keeps a pinned alias where it is. */
export function pinnedBy({ champion }: PipelineState): string {
  return `model ${champion?.model} is pinned`;
}

/** What a move of the alias says beside its evidence. */
export function move(state: PipelineState, to: PlainVersion & Pick<FormerChampion, 'reference'>) {
  const from = state.champion === null ? null : { model: state.champion.model, bundle: state.champion.bundle };
  const frozen = state.plain === undefined ? (state.frozen ?? { model: to.model, bundle: to.bundle }) : null;
  return { ...to, from, frozen };
}

/** The alias of a name that no pipeline owns moves on the record with which the version was registered. */
export function plainPromotion(state: PipelineState, { model, bundle }: PlainVersion): OwnEvent {
  const data = { turn: null, ...move(state, { model, bundle }), evidence: { kind: 'manual' as const }, gates: [] };
  return own({ type: modelPromoted, data, pipelineVersion: 0 });
}

/** The alias moves on a gate record: in the turn that made it, or by hand (null). */
export function promotion(
  state: PipelineState,
  turn: Turn | null,
  to: ModelPlace,
  { event, gates }: { readonly event: string; readonly gates: readonly Gate[] },
): OwnEvent {
  const evidence = { kind: 'evaluation' as const, event };
  const data = { turn: turn?.id ?? null, ...move(state, to), evidence, gates: [...gates] };
  return own({ type: modelPromoted, data, ...(turn === null ? { pipelineVersion: state.version } : ofTurn(turn)) });
}

/** What every event of a turn says of it. */
export function ofTurn({ id, version }: Turn) {
  return { pipelineVersion: version, subject: id, correlationId: id };
}
