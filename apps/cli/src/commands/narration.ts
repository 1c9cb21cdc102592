import {
  type Event,
  modelDeployed,
  modelEvaluated,
  modelPromoted,
  modelRolledBack,
  pipelineApplied,
  pipelineEnded,
  retrainRequested,
  trainingCompleted,
  trainingStarted,
  turnStarted,
} from '@relearn/contracts';
import type { Platform } from '@relearn/platform';
import { Progress, type Style, styler, type Terminal } from '../terminal.js';
import { count, figure } from '../words.js';

const everyMs = 500;

/** Prints what happens to the pipelines as it happens, and how far the replay is; until the returned function is called. */
export function narrate(
  terminal: Terminal,
  json: boolean,
  { ports, replays }: Pick<Platform, 'ports' | 'replays'>,
): () => void {
  const progress = new Progress(terminal);
  const style = styler(terminal.out, terminal.env);
  const stop = ports.catalog.listen((event) => {
    const sentence = sentenceOf(event, style);
    if (sentence === null) return;
    progress.clear();
    const { time, pipeline, type } = event;
    terminal.out.write(
      json
        ? `${JSON.stringify({ time, pipeline, type, data: event.data })}\n`
        : `${style('dim', time.slice(0, 16).replace('T', ' '))}  ${pipeline}  ${sentence}\n`,
    );
  });
  const timer = setInterval(() => {
    for (const { pipeline, state, done, total } of replays.status()) {
      if (state === 'done' || state === 'failed') continue;
      progress.show(
        done / Math.max(1, total),
        `${pipeline}: ${state === 'history' ? 'loading the history of the first model' : 'replaying'}, ${count(done)} of ${count(total)} records`,
      );
    }
  }, everyMs);
  return () => {
    clearInterval(timer);
    progress.clear();
    stop();
  };
}

/** What an event means to somebody who watches; null for those that matter to services alone. */
export function sentenceOf(event: Event, style: (style: Style, text: string) => string): string | null {
  if (pipelineApplied.is(event)) return `version ${event.pipelineversion} of the pipeline is in force`;
  if (retrainRequested.is(event)) {
    const { reason, causes, labelled } = event.data;
    const features = causes.flatMap(({ feature }) => (feature === undefined ? [] : [feature])).slice(0, 3);
    const drifted = features.length === 0 ? '' : `; drifted: ${features.join(', ')}`;
    return style('yellow', `retrain requested: ${reason}, ${count(labelled)} rows are labelled${drifted}`);
  }
  if (turnStarted.is(event)) return `turn ${event.data.turn} begins`;
  if (trainingStarted.is(event)) return `turn ${event.data.turn}: training`;
  if (trainingCompleted.is(event)) {
    const { candidates, winner, turn } = event.data;
    return `turn ${turn}: ${candidates.length} candidates trained, ${winner ?? 'none'} chosen`;
  }
  if (modelEvaluated.is(event)) {
    const { verdict, gates, turn, rows } = event.data;
    const told = gates.map((gate) => `${gate.name} ${figure(gate.value)}: ${gate.verdict}`);
    return `turn ${turn}: ${style(verdict === 'passed' ? 'green' : 'yellow', verdict)} on ${count(rows)} rows (${told.join('; ')})`;
  }
  if (modelPromoted.is(event)) return style('green', `model ${event.data.model} is promoted`);
  if (modelRolledBack.is(event))
    return style('yellow', `rolled back to model ${event.data.model}: ${event.data.reason}`);
  if (modelDeployed.is(event)) return style('green', `model ${event.data.model} answers`);
  if (pipelineEnded.is(event) && event.data.outcome !== 'promoted') {
    const { turn, request, outcome, detail } = event.data;
    return `${turn ?? request} ended ${outcome}: ${detail}`;
  }
  return null;
}
