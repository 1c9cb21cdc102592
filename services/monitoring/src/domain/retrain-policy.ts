import type { Cause, PipelineSpec, RetrainReason } from '@relearn/contracts';
import { labelledTotal, type TriggerState } from './trigger-state.js';

export interface Trigger {
  readonly reason: RetrainReason;
  readonly causes: readonly Cause[];
}

/**
 * The request that is due at business time `now`, or null. Measured performance comes first, then drift, volume and the
 * schedule. Cooldown, budget and minimum labels hold for all but the first model and a new pipeline version.
 */
export function dueTrigger(state: TriggerState, spec: PipelineSpec, now: number): Trigger | null {
  if (state.open.length > 0 || state.failing.length > 0) return null;
  const labelled = labelledTotal(state);
  if (labelled < spec.train.minimum_rows) return null;
  // Without a model there is nothing to lose by another try: the wait does not grow with each.
  if (state.champion === null) return cool(state, spec, now, 1) ? { reason: 'first', causes: [] } : null;
  if (state.pendingVersion) return { reason: 'pipeline', causes: [] };
  if (!cool(state, spec, now) || !withinBudget(state, spec, now)) return null;
  const fresh = labelled - state.labelledAtRequest;
  if (fresh < spec.retrain.minimum_labels) return null;
  if (state.performanceAlarm) return { reason: 'performance', causes: state.driftCauses };
  if (state.driftAlarm) return { reason: 'drift', causes: state.driftCauses };
  const { volume, schedule } = spec.retrain;
  if (volume !== null && fresh >= volume.labels) return { reason: 'volume', causes: [] };
  if (schedule !== null && now - (state.lastRequest ?? now) >= schedule.every)
    return { reason: 'schedule', causes: [] };
  return null;
}

function cool(state: TriggerState, spec: PipelineSpec, now: number, mostBackOff = Number.POSITIVE_INFINITY): boolean {
  if (state.lastRequest === null) return true;
  return (
    now - state.lastRequest >= spec.retrain.cooldown * spec.retrain.back_off ** Math.min(state.rejected, mostBackOff)
  );
}

function withinBudget(state: TriggerState, spec: PipelineSpec, now: number): boolean {
  const { turns, per } = spec.retrain.budget;
  return state.turns.filter((time) => time > now - per).length < turns;
}

/** Hysteresis: an alarm begins when `enter` of the last `of` windows are bad, and ends when none of them is. */
export function nextAlarm(
  alarm: boolean,
  states: readonly string[],
  rule: { enter: number; of: number } | null,
): boolean {
  if (rule === null) return false;
  const bad = states.slice(-rule.of).filter((state) => state === 'DRIFT').length;
  return alarm ? bad > 0 : bad >= rule.enter;
}
