import type { ModelPlace, PipelineState } from './state.js';

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
export function move(state: PipelineState, to: ModelPlace) {
  const from = state.champion === null ? null : { model: state.champion.model, bundle: state.champion.bundle };
  return { ...to, from, frozen: state.frozen ?? { model: to.model, bundle: to.bundle } };
}
