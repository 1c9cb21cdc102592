import {
  datasetSnapshotted,
  type EventType,
  type LoggedEvent,
  modelEvaluated,
  modelPromoted,
  modelRegistered,
  pipelineEnded,
  rolloutAdvanced,
  rolloutEnded,
  rolloutJudged,
  rolloutStarted,
  snapshotFailed,
  trainingCompleted,
  trainingStarted,
  turnStarted,
} from '@relearn/contracts';
import { type Invariant, PerPipeline } from '../invariant.js';

/** Stages of a turn in their order, each with the one before it, which must stand before it in the log. */
const order: readonly (readonly [EventType, EventType])[] = [
  [datasetSnapshotted, turnStarted],
  [snapshotFailed, turnStarted],
  [trainingStarted, datasetSnapshotted],
  [trainingCompleted, trainingStarted],
  [modelEvaluated, trainingCompleted],
  [modelRegistered, modelEvaluated],
  [rolloutStarted, modelRegistered],
  [rolloutEnded, rolloutStarted],
  [modelPromoted, modelRegistered],
];

/** What the registry, which writes a turn's end, writes of a turn. */
const ofRegistry: readonly EventType[] = [
  modelRegistered,
  modelPromoted,
  rolloutStarted,
  rolloutAdvanced,
  rolloutEnded,
];

interface Turn {
  readonly seen: Set<string>;
  /** Position of its end. */
  ended: number | null;
  /** What forbids certain later stages, by event type. */
  readonly forbidden: Map<string, string>;
}

interface Pipeline {
  readonly turns: Map<string, Turn>;
  /** Positions of the pipeline's control events by id. */
  readonly positions: Map<string, number>;
}

/**
 * No later stage after a failed one. Precisely, of one turn:
 * - every stage comes once, after the stage before it;
 * - after `snapshot.failed` comes no training and nothing that follows from it; after a run without a winner no version is
 *   registered or promoted; after a gate record that did not pass none is promoted (a version may be registered with it);
 * - after `pipeline.ended` the registry, which wrote it, registers and promotes nothing; another service's event may still
 *   come, but only if what caused it stands before the end: nobody acts on a turn once its end could be read.
 */
export function noStageAfterFailure(): Invariant {
  const pipelines = new PerPipeline<Pipeline>(() => ({ turns: new Map(), positions: new Map() }));
  return {
    name: 'no later stage after a failed one',
    topics: ['control'],
    take(event, _fromRow, report) {
      const state = pipelines.of(event.pipeline);
      state.positions.set(event.id, event.position);
      const id = turnOf(event);
      if (id === null) return;
      const turn = state.turns.get(id) ?? { seen: new Set(), ended: null, forbidden: new Map() };
      state.turns.set(id, turn);
      for (const message of [...misplaced(turn, event), ...afterEnd(turn, event, state.positions)]) {
        report({ pipeline: event.pipeline, message: `turn ${id}: ${message}`, event: event.id });
      }
      remember(turn, event);
    },
  };
}

function turnOf(event: LoggedEvent): string | null {
  const { data } = event;
  if (data === null || typeof data !== 'object' || !('turn' in data)) return null;
  return typeof data.turn === 'string' ? data.turn : null;
}

function misplaced(turn: Turn, event: LoggedEvent): string[] {
  const stage = order.find(([type]) => type.is(event));
  if (stage === undefined) return [];
  const [type, before] = stage;
  const reason = turn.forbidden.get(event.type);
  return [
    ...(turn.seen.has(event.type) ? [`${type.name} came twice`] : []),
    ...(turn.seen.has(before.type) ? [] : [`${type.name} came without ${before.name}`]),
    ...(reason === undefined ? [] : [`${type.name} came after ${reason}`]),
  ];
}

function afterEnd(turn: Turn, event: LoggedEvent, positions: ReadonlyMap<string, number>): string[] {
  // A verdict on a rollout follows from what predictions tell, and may come when the turn has been ended by hand.
  if (turn.ended === null || pipelineEnded.is(event) || rolloutJudged.is(event)) return [];
  if (ofRegistry.some((type) => type.is(event))) return [`${event.type} came after the turn's end`];
  const cause = event.causationid === undefined ? undefined : positions.get(event.causationid);
  return cause !== undefined && cause < turn.ended ? [] : [`${event.type} was caused after the turn's end`];
}

function remember(turn: Turn, event: LoggedEvent): void {
  turn.seen.add(event.type);
  const forbid = (reason: string, ...types: EventType[]) => {
    for (const { type } of types) turn.forbidden.set(type, reason);
  };
  if (pipelineEnded.is(event)) turn.ended ??= event.position;
  else if (snapshotFailed.is(event)) {
    forbid(
      'its snapshot had failed',
      datasetSnapshotted,
      trainingStarted,
      trainingCompleted,
      modelEvaluated,
      modelRegistered,
      rolloutStarted,
      modelPromoted,
    );
  } else if (trainingCompleted.is(event) && event.data.winner === null) {
    forbid('a run without a winner', modelRegistered, rolloutStarted, modelPromoted);
  } else if (modelEvaluated.is(event) && event.data.verdict !== 'passed') {
    forbid(`a gate record that says ${event.data.verdict}`, rolloutStarted, modelPromoted);
  }
}
