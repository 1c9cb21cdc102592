import { type Event, type LoggedEvent, modelDeployed, modelPromoted, modelRolledBack } from '@relearn/contracts';
import { type Decider, type EventRef, type JobKind, type JobOrder, type JobResult, own, refOf } from '@relearn/runtime';
import type { Json } from '@relearn/store';

/** The last move of the champion alias, by pipeline. */
export interface DeployState {
  readonly move: Move | null;
  /** Id of the last move whose model answers. */
  readonly deployed: string | null;
}

interface Move {
  readonly event: EventRef;
  readonly model: number;
  readonly bundle: string;
  readonly pipeline: string;
  readonly version: number;
  /** Where it stands in `control`. */
  readonly partition: number;
  readonly position: number;
}

/** Says in the log when a promoted model answers. */
export function deployDecider(deploy: JobKind, instance: string): Decider<DeployState> {
  return {
    service: 'serving',
    topics: ['control'],
    route: (event) => (modelPromoted.is(event) || modelRolledBack.is(event) ? event.pipeline : null),
    initial: () => ({ move: null, deployed: null }),
    decide: () => ({}),
    due({ move, deployed }: DeployState) {
      if (move === null || move.event.id === deployed) return {};
      const { event, pipeline, partition, position } = move;
      return {
        jobs: [{ id: `deploy/${event.id}`, kind: 'deploy', input: { pipeline, partition, position }, cause: event }],
      };
    },
    finish({ move }: DeployState, _job: JobOrder, result: JobResult) {
      // A model that cannot be loaded now may be later: the job goes on until it is, or another one is in force.
      if (!result.ok || move === null) return null;
      const { model, bundle, event, version } = move;
      const data = { model, bundle, instance, promotion: event.id };
      return { events: [own({ type: modelDeployed, data, pipelineVersion: version })] };
    },
    evolve(state: DeployState, event: Event): DeployState {
      if (modelDeployed.is(event)) return { ...state, deployed: event.data.promotion };
      return isLogged(event) && (modelPromoted.is(event) || modelRolledBack.is(event))
        ? { ...state, move: moveOf(event, event.data) }
        : state;
    },
    jobs: { deploy },
    encode: (state) => state as unknown as Json,
    decode: (body) => body as unknown as DeployState,
  };
}

function isLogged(event: Event): event is LoggedEvent {
  return 'position' in event;
}

function moveOf(event: LoggedEvent, { model, bundle }: Pick<Move, 'model' | 'bundle'>): Move {
  const { pipeline, pipelineversion: version, partition, position } = event;
  return { event: refOf(event), model, bundle, pipeline, version, partition, position };
}
