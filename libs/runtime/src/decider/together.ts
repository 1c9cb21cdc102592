import type { LoggedEvent } from '@relearn/contracts';
import type { Decider } from './definition.js';

/** What one write may hold: an aggregate's document stays small. */
const most = 50;

/** Events of one aggregate that no event of another of its pipeline stands between. */
export interface Together {
  readonly aggregate: string;
  readonly events: readonly LoggedEvent[];
}

/**
 * The events that one write can handle. A pipeline's stay in their order, whichever of its aggregates they concern; pipelines
 * know nothing of each other.
 */
export function together(decider: Pick<Decider<unknown>, 'route'>, events: readonly LoggedEvent[]): Together[] {
  const runs: { readonly aggregate: string; readonly events: LoggedEvent[] }[] = [];
  const latest = new Map<string, (typeof runs)[number]>();
  for (const event of events) {
    const aggregate = decider.route(event);
    if (aggregate === null) continue;
    const run = latest.get(event.pipeline);
    if (run?.aggregate === aggregate && run.events.length < most) {
      run.events.push(event);
      continue;
    }
    const begun = { aggregate, events: [event] };
    latest.set(event.pipeline, begun);
    runs.push(begun);
  }
  return runs;
}
