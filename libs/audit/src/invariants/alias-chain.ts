import { type Invariant, PerPipeline } from '../invariant.js';
import { moveOf } from './moves.js';

type Place = { readonly model: number; readonly bundle: string } | null;

/** One champion a pipeline: each move of the alias names the champion before it, so that moves form one chain; the frozen model is the first promoted, where a pipeline owns the name. */
export function aliasMovesFormOneChain(): Invariant {
  const pipelines = new PerPipeline<{ champion: Place; first: Place }>(() => ({ champion: null, first: null }));
  return {
    name: 'alias moves form one chain',
    topics: ['control'],
    take(event, _fromRow, report) {
      const move = moveOf(event);
      if (move === null) return;
      const state = pipelines.of(event.pipeline);
      const { model, bundle, from, frozen } = move.data;
      const breach = (message: string) => report({ pipeline: event.pipeline, message, event: event.id });
      if (!same(from, state.champion))
        breach(`the move is from ${named(from)}, the champion was ${named(state.champion)}`);
      state.champion = { model, bundle };
      if (move.data.reference === undefined) return;
      state.first ??= state.champion;
      if (!same(frozen, state.first))
        breach(`the frozen model is ${named(frozen)}, the first promoted was ${named(state.first)}`);
    },
  };
}

function same(a: Place, b: Place): boolean {
  return a?.model === b?.model && a?.bundle === b?.bundle;
}

function named(place: Place): string {
  return place === null ? 'none' : `model ${place.model} (${place.bundle.slice(0, 12)})`;
}
