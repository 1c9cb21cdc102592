import { driftReported, type Event, performanceReported, retrainRequested, windowProfiled } from '@relearn/contracts';
import type { TriggerState } from './trigger-state.js';

/**
 * Whether an event can have been handled or made in the state: windows and control events come in two topics, and only
 * this tells in which order. A window is of a version that is known, a report is on the champion, and nothing but a
 * person asks for a turn while one runs.
 */
export function fits(state: TriggerState, event: Event): boolean {
  if (windowProfiled.is(event)) return state.version >= event.pipelineversion;
  if (driftReported.is(event) || performanceReported.is(event)) {
    return state.champion?.model === event.data.model && state.version === event.pipelineversion;
  }
  if (!retrainRequested.is(event)) return true;
  const idle = !state.turnRunning && state.failing.length === 0;
  return state.version === event.pipelineversion && (idle || event.data.reason === 'manual');
}
