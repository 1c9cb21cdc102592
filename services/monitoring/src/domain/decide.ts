import {
  type Cause,
  driftDetected,
  driftReported,
  type LoggedEvent,
  performanceReported,
  type PipelineSpec,
  retrainRequested,
  type RetrainReason,
  windowProfiled,
} from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { type Decision, type Facts, own, type OwnEvent } from '@relearn/runtime';
import { judgeDrift, judgePerformance } from './judge-window.js';
import { decodeReference, type Reference } from './reference.js';
import { dueTrigger, nextAlarm } from './retrain-policy.js';
import { arrival, type CompleteWindow, labelledTotal, type Profiled, type TriggerState } from './trigger-state.js';
import { closed, evolve } from './evolve.js';

/** What `decide` needs for an event: the champion's reference. */
export function needs(state: TriggerState, event: LoggedEvent): string[] {
  return windowProfiled.is(event) && state.champion !== null ? [state.champion.reference] : [];
}

/** Throws UNAVAILABLE for a window under a pipeline version of which the control log has not told yet. */
export function decide(state: TriggerState, event: LoggedEvent, now: number, facts: Facts): Decision {
  if (windowProfiled.is(event)) return windowed(state, knownSpec(state, event), event.data, now, facts);
  const after = evolve(state, event);
  return after.spec === null ? {} : requestIfDue(after, after.spec, now);
}

/** The two topics are read apart: a window that was judged by no rule, or by an old one, would never be judged again. */
function knownSpec({ spec, version }: TriggerState, { pipeline, pipelineversion }: LoggedEvent): PipelineSpec {
  if (spec !== null && pipelineversion <= version) return spec;
  throw new RelearnError('UNAVAILABLE', `version ${pipelineversion} of ${pipeline} is not known yet`);
}

function windowed(state: TriggerState, spec: PipelineSpec, profiled: Profiled, now: number, facts: Facts): Decision {
  const { state: arrived, complete } = arrival(state, profiled);
  const [last] = complete.at(-1) ?? [];
  if (last === undefined) return {};
  const reference = referenceOf(state, facts);
  const judge = profiled.part === 'inputs' ? inputs : outcomes;
  const reports: OwnEvent[] = [];
  let after = arrived;
  for (const window of complete) {
    reports.push(...judge(after, spec, window, reference));
    after = closed(after, window);
  }
  after = folded(after, reports);
  const alarms = alarmsBegun(state, after, last);
  const { events = [] } = requestIfDue(folded(after, alarms), spec, now);
  return { events: [...reports, ...alarms, ...events] };
}

const noAttributes = { id: '', source: '', sequence: 0, previous: null, time: '', pipeline: '', pipelineversion: 0 };

function folded(state: TriggerState, events: readonly OwnEvent[]): TriggerState {
  return events.reduce((next, { type, data }) => evolve(next, { ...noAttributes, type: type.type, data }), state);
}

function referenceOf(state: TriggerState, facts: Facts): Reference | null {
  const bytes = state.champion === null ? undefined : facts.get(state.champion.reference);
  return bytes === undefined ? null : decodeReference(bytes);
}

function inputs(
  state: TriggerState,
  spec: PipelineSpec,
  complete: CompleteWindow,
  reference: Reference | null,
): OwnEvent[] {
  if (state.champion === null || reference === null) return [];
  const data = judgeDrift(spec, complete, state.champion.model, reference);
  return [own({ type: driftReported, data, pipelineVersion: state.version })];
}

function outcomes(
  state: TriggerState,
  spec: PipelineSpec,
  complete: CompleteWindow,
  reference: Reference | null,
): OwnEvent[] {
  if (state.champion === null) return [];
  const data = judgePerformance(state, spec, complete, reference);
  return [own({ type: performanceReported, data, pipelineVersion: state.version })];
}

/** One event for each alarm that begins with this window. */
function alarmsBegun(before: TriggerState, after: TriggerState, { start, end }: Profiled): OwnEvent[] {
  const begun = (kind: 'drift' | 'performance', causes: readonly Cause[]) =>
    own({ type: driftDetected, data: { kind, causes: [...causes] }, pipelineVersion: after.version });
  const { spec } = after;
  if (spec === null) return [];
  const performance = nextAlarm(before.performanceAlarm, after.performanceStates, spec.retrain.performance);
  const drift = nextAlarm(before.driftAlarm, after.driftStates, spec.retrain.drift);
  const metric = spec.evaluate.metrics[0]?.name ?? '';
  const fall: Cause = { method: metric, statistic: after.lastTrailing, threshold: after.lastTarget, start, end };
  return [
    ...(performance && !before.performanceAlarm ? [begun('performance', [fall, ...after.driftCauses])] : []),
    ...(drift && !before.driftAlarm ? [begun('drift', after.driftCauses)] : []),
  ];
}

function requestIfDue(state: TriggerState, spec: PipelineSpec, now: number): Decision {
  const due = dueTrigger(state, spec, now);
  return due === null ? {} : { events: [request(state, due.reason, due.causes)] };
}

function request(state: TriggerState, reason: RetrainReason, causes: readonly Cause[], actor?: string): OwnEvent {
  const { spec, cut } = state;
  const data = {
    request: `${spec?.name}-r${state.requests + 1}`,
    reason,
    causes: [...causes],
    cut: { ...cut },
    labelled: labelledTotal(state),
  };
  return own({
    type: retrainRequested,
    data,
    pipelineVersion: state.version,
    subject: data.request,
    ...(actor === undefined ? {} : { actor }),
  });
}

/** A person's request: cancels a running turn, asks for no cooldown. Throws REFUSED before any window is complete. */
export function requestByHand(state: TriggerState, actor: string): Decision {
  if (state.spec === null) throw new RelearnError('NOT_FOUND', 'monitoring does not know the pipeline yet');
  if (Object.keys(state.cut).length < state.shards.length) {
    throw new RelearnError('REFUSED', 'no window of data is complete yet', {
      remedy: 'Send data that covers a monitoring window.',
    });
  }
  return { events: [request(state, 'manual', [], actor)] };
}
