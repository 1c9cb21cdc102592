import {
  type DataOf,
  type LoggedEvent,
  modelPromoted,
  pipelineApplied,
  pipelineEnded,
  type PipelineSpec,
  retrainRequested,
} from '@relearn/contracts';
import { type Invariant, PerPipeline } from '../invariant.js';

type Requested = LoggedEvent<DataOf<typeof retrainRequested>>;

interface Pipeline {
  readonly specs: Map<number, PipelineSpec>;
  last: { readonly time: number; readonly labelled: number } | null;
  /** Business times of requests that count against the budget. */
  readonly times: number[];
  /** Turns in a row that ended without a promotion; superseded ones do not count. */
  rejected: number;
  promoted: boolean;
}

/** Reasons that keep to cooldown, budget and minimum labels: everything but the first model, a new version and a person's wish. */
const bound: readonly string[] = ['performance', 'drift', 'volume', 'schedule'];

/**
 * No retrain inside the cooldown (which grows with each rejected turn), beyond the budget or with too few new labels,
 * unless it is the first, of a new pipeline version or asked for by hand. Times are the requests' own business times.
 */
export function requestsKeepThePolicy(): Invariant {
  const pipelines = new PerPipeline<Pipeline>(() => ({
    specs: new Map(),
    last: null,
    times: [],
    rejected: 0,
    promoted: false,
  }));
  return {
    name: 'no retrain inside the cooldown or with too few new labels',
    topics: ['control'],
    take(event, _fromRow, report) {
      const state = pipelines.of(event.pipeline);
      if (pipelineApplied.is(event)) state.specs.set(event.pipelineversion, event.data.spec);
      else if (modelPromoted.is(event)) state.promoted = true;
      else if (pipelineEnded.is(event)) {
        if (event.data.turn === null || event.data.outcome === 'superseded') return;
        state.rejected = event.data.outcome === 'promoted' ? 0 : state.rejected + 1;
      } else if (retrainRequested.is(event)) {
        for (const message of against(state, event)) {
          const named = `request ${event.data.request} (${event.data.reason}): ${message}`;
          report({ pipeline: event.pipeline, message: named, event: event.id });
        }
        const time = Date.parse(event.time);
        state.last = { time, labelled: event.data.labelled };
        if (event.data.reason !== 'first') state.times.push(time);
      }
    },
  };
}

function against(state: Pipeline, event: Requested): string[] {
  const { reason, labelled } = event.data;
  if (reason === 'manual') return [];
  const spec = state.specs.get(event.pipelineversion);
  if (spec === undefined) return [`version ${event.pipelineversion} of the pipeline was never applied`];
  const few =
    labelled < spec.train.minimum_rows ? [`${labelled} rows are labelled, ${spec.train.minimum_rows} are needed`] : [];
  if (reason === 'first') return state.promoted ? [...few, 'there was a champion before'] : few;
  return bound.includes(reason) ? [...few, ...againstTrigger(state, spec, event)] : few;
}

function againstTrigger({ last, times, rejected }: Pipeline, { retrain }: PipelineSpec, event: Requested): string[] {
  const now = Date.parse(event.time);
  const { cooldown, back_off, budget, minimum_labels, volume, schedule } = retrain;
  const { reason } = event.data;
  const since = last === null ? Number.POSITIVE_INFINITY : now - last.time;
  const least = cooldown * back_off ** rejected;
  const fresh = event.data.labelled - (last?.labelled ?? 0);
  const spent = times.filter((time) => time > now - budget.per).length;
  const messages: string[] = [];
  if (since < least) messages.push(`it comes ${since} ms after the one before, the cooldown is ${least} ms`);
  if (spent >= budget.turns) messages.push(`${spent} turns in ${budget.per} ms are the whole budget`);
  if (fresh < minimum_labels) messages.push(`${fresh} labels are new, ${minimum_labels} are needed`);
  if (reason === 'volume' && (volume === null || fresh < volume.labels))
    messages.push(`${fresh} new labels are not the volume`);
  if (reason === 'schedule' && (schedule === null || since < schedule.every))
    messages.push(`it comes ${since} ms after the one before`);
  return messages;
}
