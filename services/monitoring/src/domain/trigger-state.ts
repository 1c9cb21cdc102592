import type { Cause, DataOf, PipelineSpec, windowProfiled } from '@relearn/contracts';
import type { PerformanceCounts } from '@relearn/stats';
import type { Judging } from './rollout/judge.js';

export type Profiled = DataOf<typeof windowProfiled>;

export interface OutcomeWindow {
  readonly end: number;
  readonly model: number;
  readonly labelled: number;
  readonly scores: PerformanceCounts;
}

/** What is known of one pipeline's triggers. Small: counts of the last few windows, no rows. */
export interface TriggerState {
  readonly spec: PipelineSpec | null;
  readonly version: number;
  readonly shards: readonly number[];
  /** By shard: address in `data.valid` up to which its windows have been profiled. */
  readonly cut: Readonly<Record<string, number>>;
  readonly labelled: Readonly<Record<string, number>>;
  /** Windows that some shards have not passed, by `part/start`. */
  readonly partial: Readonly<Record<string, readonly Profiled[]>>;
  /** By `part/shard`: the end of its latest window. */
  readonly passed: Readonly<Record<string, number>>;
  readonly champion: { readonly model: number; readonly reference: string } | null;
  readonly frozen: number | null;
  /** Requests whose `pipeline.ended` has not come. */
  readonly open: readonly string[];
  /** Requests that started a turn: business times, newest last, within the budget's span. */
  readonly turns: readonly number[];
  readonly lastRequest: number | null;
  readonly labelledAtRequest: number;
  readonly rejected: number;
  readonly requests: number;
  readonly pendingVersion: boolean;
  /** States of the last windows, newest last. */
  readonly driftStates: readonly string[];
  readonly performanceStates: readonly string[];
  readonly driftAlarm: boolean;
  readonly performanceAlarm: boolean;
  readonly driftCauses: readonly Cause[];
  readonly outcomes: readonly OutcomeWindow[];
  /** Of the last performance report: what alarms give as their cause. */
  readonly lastTrailing: number | null;
  readonly lastTarget: number | null;
  readonly failing: readonly number[];
  /** Absent: no model is rolled out. */
  readonly rollout?: Judging;
}

export const unknownTriggers: TriggerState = {
  spec: null,
  version: 0,
  shards: [],
  cut: {},
  labelled: {},
  partial: {},
  passed: {},
  champion: null,
  frozen: null,
  open: [],
  turns: [],
  lastRequest: null,
  labelledAtRequest: 0,
  rejected: 0,
  requests: 0,
  pendingVersion: false,
  driftStates: [],
  performanceStates: [],
  driftAlarm: false,
  performanceAlarm: false,
  driftCauses: [],
  outcomes: [],
  lastTrailing: null,
  lastTarget: null,
  failing: [],
};

export function labelledTotal(state: TriggerState): number {
  return Object.values(state.labelled).reduce((sum, count) => sum + count, 0);
}

/** One window as all shards saw it: their profiles in the shards' order. */
export type CompleteWindow = readonly Profiled[];

/** The state with a shard's profile taken, and the windows that are complete with it, in order. */
export interface Arrival {
  readonly state: TriggerState;
  readonly complete: readonly CompleteWindow[];
}

/**
 * A window is complete when all shards have passed it. A shard's windows come in order, so that one whose profile is of a
 * later window has none of this one: its first record came later, or it was silent for long.
 */
export function arrival(state: TriggerState, profiled: Profiled): Arrival {
  const { part, start, end, shard } = profiled;
  const key = `${part}/${start}`;
  const partial: Record<string, readonly Profiled[]> = {
    ...state.partial,
    [key]: [...(state.partial[key] ?? []), profiled],
  };
  const passed = { ...state.passed, [`${part}/${shard}`]: end };
  const all = Math.min(...state.shards.map((one) => passed[`${part}/${one}`] ?? Number.NEGATIVE_INFINITY));
  const complete: CompleteWindow[] = [];
  for (const [name, profiles] of Object.entries(partial)) {
    const [first] = profiles;
    if (first === undefined || first.part !== part || first.end > all) continue;
    complete.push([...profiles].sort((a, b) => a.shard - b.shard));
    delete partial[name];
  }
  complete.sort(([a], [b]) => (a?.start ?? 0) - (b?.start ?? 0));
  return { state: { ...state, partial, passed }, complete };
}
