import {
  type Cause,
  driftReported,
  type FeatureDrift,
  type Gate,
  modelPromoted,
  pipelineEnded,
  retrainRequested,
  turnStarted,
} from '@relearn/contracts';
import type { Ports } from '@relearn/runtime';
import { eventsOf } from './read-log.js';

interface Retrain {
  readonly time: string;
  readonly reason: string;
  readonly causes: readonly Cause[];
  readonly outcome: string;
}

interface DriftWindow {
  readonly start: number;
  readonly end: number;
  readonly state: FeatureDrift['state'];
  readonly features: readonly string[];
}

/** What the control and monitoring logs say of a run. */
export interface ControlFigures {
  readonly events: number;
  readonly retrains: readonly (Retrain & { readonly started: boolean })[];
  readonly promotions: readonly { readonly time: string; readonly version: number; readonly gate: readonly Gate[] }[];
  /** The worst state of monitoring's windows within the range, and the features that drifted most often. */
  driftIn(start: number, end: number): { state: FeatureDrift['state']; causes: string[] };
}

export async function readControl(ports: Ports): Promise<ControlFigures> {
  const requests = new Map<string, { time: string; reason: string; causes: readonly Cause[] }>();
  const outcomes = new Map<string, string>();
  const started = new Set<string>();
  const promotions: { time: string; version: number; gate: readonly Gate[] }[] = [];
  let events = 0;
  for await (const { event } of eventsOf(ports, 'control')) {
    events += 1;
    const { time } = event;
    if (retrainRequested.is(event))
      requests.set(event.data.request, { time, reason: event.data.reason, causes: event.data.causes });
    else if (turnStarted.is(event)) started.add(event.data.request);
    else if (pipelineEnded.is(event)) outcomes.set(event.data.request, event.data.outcome);
    else if (modelPromoted.is(event)) promotions.push({ time, version: event.data.model, gate: event.data.gates });
  }
  const windows: DriftWindow[] = [];
  for await (const { event } of eventsOf(ports, 'monitoring')) {
    events += 1;
    if (!driftReported.is(event)) continue;
    const { start, end, state, features } = event.data;
    windows.push({
      start,
      end,
      state,
      features: features.filter((one) => one.state === 'DRIFT').map((one) => one.feature),
    });
  }
  const retrains = [...requests].map(([request, asked]) => ({
    ...asked,
    outcome: outcomes.get(request) ?? 'running',
    started: started.has(request),
  }));
  return {
    events,
    retrains,
    promotions,
    driftIn: (start, end) => summary(windows.filter((one) => one.end > start && one.start < end)),
  };
}

const severity: readonly FeatureDrift['state'][] = ['DRIFT', 'OK', 'NOT_COMPUTABLE', 'NO_DATA'];

function summary(windows: readonly DriftWindow[]): { state: FeatureDrift['state']; causes: string[] } {
  const state = severity.find((one) => windows.some((window) => window.state === one)) ?? 'NO_DATA';
  const counts = new Map<string, number>();
  for (const { features } of windows)
    for (const feature of features) counts.set(feature, (counts.get(feature) ?? 0) + 1);
  const ranked = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return { state, causes: ranked.slice(0, 5).map(([feature]) => feature) };
}
