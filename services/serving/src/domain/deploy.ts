import { type Event, type LoggedEvent, modelDeployed, modelPromoted, modelRolledBack } from '@relearn/contracts';
import { type Decider, type JobKind, type JobOrder, type JobResult, own } from '@relearn/runtime';
import type { Json } from '@relearn/store';

/** The last move of the champion alias, by pipeline. */
export interface DeployState {
  readonly promotion: string | null;
  readonly model: number;
  readonly bundle: string;
  readonly version: number;
}

/** Says in the log when a promoted model answers. */
export function deployDecider(deploy: JobKind, instance: string): Decider<DeployState> {
  return {
    service: 'serving',
    topics: ['control'],
    route: (event) => (modelPromoted.is(event) || modelRolledBack.is(event) ? event.pipeline : null),
    initial: () => ({ promotion: null, model: 0, bundle: '', version: 0 }),
    decide(_state: DeployState, event: LoggedEvent) {
      if (!modelPromoted.is(event) && !modelRolledBack.is(event)) return {};
      const input = { pipeline: event.pipeline, partition: event.partition, position: event.position };
      return { jobs: [{ id: `deploy/${event.id}`, kind: 'deploy', input }] };
    },
    finish(state: DeployState, job: JobOrder, result: JobResult) {
      if (!result.ok || state.promotion === null || job.id !== `deploy/${state.promotion}`) return {};
      const { model, bundle, promotion } = state;
      return {
        events: [
          own({ type: modelDeployed, data: { model, bundle, instance, promotion }, pipelineVersion: state.version }),
        ],
      };
    },
    evolve(state: DeployState, event: Event): DeployState {
      if (!modelPromoted.is(event) && !modelRolledBack.is(event)) return state;
      const { model, bundle } = event.data;
      return { promotion: event.id, model, bundle, version: event.pipelineversion };
    },
    jobs: { deploy },
    encode: (state) => state as unknown as Json,
    decode: (body) => body as unknown as DeployState,
  };
}
