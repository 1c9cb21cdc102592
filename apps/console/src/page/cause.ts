import type { Cause } from '@relearn/contracts';
import type { AlarmView, PipelineState, TurnView } from '../read-model/shapes.js';
import { count, figure, metricTitle } from './format.js';

/** Why a request was made, as a clause: `ROC AUC fell to 0.736 (0.765 at hold-out) while temp drifted`. */
export function causeOf(turn: TurnView, state: PipelineState): string {
  if (turn.reason === 'first') return `${count(turn.labelled)} rows were labelled: enough for a first model`;
  if (turn.reason === 'manual') return `${turn.actor ?? 'somebody'} asked for it`;
  if (turn.reason === 'pipeline') return `version ${turn.pipelineVersion} of the pipeline file was applied`;
  if (turn.reason === 'schedule') return 'the schedule said so';
  if (turn.reason === 'volume') return `${count(turn.labelled)} rows are labelled: enough new ones`;
  const drifted = features(turn.causes);
  if (turn.reason === 'drift') return drifted === '' ? 'the inputs drifted' : `the inputs drifted: ${drifted}`;
  const fall = fallBefore(turn, state.alarms);
  const fell =
    fall === undefined
      ? `realised ${metricTitle(state.metric)} got worse`
      : `realised ${metricTitle(fall.method)} went to ${figure(fall.statistic)}, from ${figure(fall.threshold)} at hold-out`;
  return drifted === '' ? fell : `${fell}, while inputs drifted: ${drifted}`;
}

function features(causes: readonly Cause[]): string {
  const named = causes.flatMap(({ feature, statistic }) =>
    feature === undefined ? [] : [`${feature} (${figure(statistic)})`],
  );
  return named.length > 4 ? `${named.slice(0, 4).join(', ')} and ${named.length - 4} more` : named.join(', ');
}

/** The fall of quality that began the alarm: the request comes with it or, held up by a cooldown, later. */
function fallBefore(turn: TurnView, alarms: readonly AlarmView[]): Cause | undefined {
  const at = turn.stages.requested?.business ?? 0;
  const alarm = alarms.findLast((one) => one.kind === 'performance' && one.at.business <= at);
  return alarm?.causes.find((cause) => cause.feature === undefined);
}
