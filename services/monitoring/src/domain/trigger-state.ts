import type { Cause, DataOf, PipelineSpec, windowProfiled } from '@relearn/contracts';
import type { PerformanceCounts } from '@relearn/stats';

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
  /** Windows of which some shards are still missing, by `part/start`. */
  readonly partial: Readonly<Record<string, readonly Profiled[]>>;
  readonly champion: { readonly model: number; readonly reference: string } | null;
  readonly frozen: number | null;
  readonly turnRunning: boolean;
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
}

export const unknownTriggers: TriggerState = {
  spec: null,
  version: 0,
  shards: [],
  cut: {},
  labelled: {},
  partial: {},
  champion: null,
  frozen: null,
  turnRunning: false,
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

/** The window's profiles of all shards in the shards' order, with this one; null while one is missing. */
export function completeWindow(state: TriggerState, profiled: Profiled): readonly Profiled[] | null {
  const key = `${profiled.part}/${profiled.start}`;
  const all = [...(state.partial[key] ?? []), profiled];
  const shards = new Set(all.map((profile) => profile.shard));
  return state.shards.every((shard) => shards.has(shard)) ? all.sort((a, b) => a.shard - b.shard) : null;
}
