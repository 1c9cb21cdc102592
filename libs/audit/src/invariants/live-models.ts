import { type LoggedEvent, modelRegistered, predictionLogged, rolloutStarted } from '@relearn/contracts';
import { type Invariant, PerPipeline, type Report } from '../invariant.js';
import { moveOf } from './moves.js';

interface Pipeline {
  /** Champions in the order of the alias's moves. */
  readonly champions: number[];
  /** Models that were tried beside a champion. */
  readonly challengers: Set<number>;
  /** Versions registered by hand, which answer requests that name them. */
  readonly plain: Set<number>;
  /** By shard: the move that stream scoring had reached. */
  readonly reached: Map<number, number>;
}

/**
 * A prediction's model was live. A row that was scored from the stream names a model that was champion, and a shard's
 * rows go through the champions in the order of the alias's moves (some may be left out); a request names one that was champion, or one that was registered by hand. The arm `frozen`
 * is the first promoted model and scores stream rows only. The arm `challenger` is a model that has been rolled out.
 */
export function predictionsComeFromLiveModels(): Invariant {
  const pipelines = new PerPipeline<Pipeline>(() => ({
    champions: [],
    challengers: new Set(),
    plain: new Set(),
    reached: new Map(),
  }));
  return {
    name: "a prediction's model was live",
    topics: ['control', 'predictions'],
    take(event, _fromRow, report) {
      const state = pipelines.of(event.pipeline);
      const move = moveOf(event);
      if (move !== null) state.champions.push(move.data.model);
      if (rolloutStarted.is(event)) state.challengers.add(event.data.model);
      if (modelRegistered.is(event) && event.data.manual !== undefined) state.plain.add(event.data.model);
      if (predictionLogged.is(event)) judge(state, event, report);
    },
  };
}

function judge(state: Pipeline, event: LoggedEvent, report: Report): void {
  const { pipeline, id, partition } = event;
  const { kind, arms } = predictionLogged.read(event).data;
  const breach = (message: string) => report({ pipeline, message, event: id });
  for (const { arm, model } of arms) {
    if (arm === 'frozen') {
      if (model !== state.champions[0])
        breach(`the frozen arm is model ${model}, the first promoted was ${state.champions[0]}`);
      if (kind !== 'stream') breach('the frozen arm answered a request');
    } else if (arm === 'challenger') {
      if (!state.challengers.has(model)) breach(`model ${model} is a challenger and was never rolled out`);
    } else if (kind !== 'stream') {
      if (!state.champions.includes(model) && !state.plain.has(model))
        breach(`model ${model} answered and was never champion`);
    } else {
      const reached = state.reached.get(partition) ?? 0;
      const next = state.champions.indexOf(model, reached);
      if (next >= 0) state.reached.set(partition, next);
      else breach(`model ${model} scored rows of shard ${partition} and was not champion, or not any more`);
    }
  }
}
