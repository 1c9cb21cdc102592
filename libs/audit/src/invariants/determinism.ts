import {
  datasetSnapshotted,
  modelTrained,
  pipelineApplied,
  type PipelineSpec,
  type TrainedCandidate,
  trainingCompleted,
  turnStarted,
} from '@relearn/contracts';
import { canonicalJson, digestOf } from '@relearn/kernel';
import { type Invariant, PerPipeline, type Report } from '../invariant.js';

interface Pipeline {
  readonly specs: Map<number, PipelineSpec>;
  readonly turns: Map<string, { readonly seed: number; readonly cut: string; readonly version: number }>;
  /** Candidates of `model.trained` by run and name. */
  readonly trained: Map<string, TrainedCandidate>;
  /** Output by inputs, with the event that first had it. */
  readonly outputs: Map<string, { readonly digest: string; readonly event: string }>;
}

/**
 * Same cause and inputs, same output digest: one cut under one pipeline version has one data hash, and one data hash with
 * the same trainer, parameters, seed, split and label one model. A candidate is the same in `model.trained` and
 * `training.completed`.
 */
export function sameInputsSameOutputs(): Invariant {
  const pipelines = new PerPipeline<Pipeline>(() => ({
    specs: new Map(),
    turns: new Map(),
    trained: new Map(),
    outputs: new Map(),
  }));
  return {
    name: 'same inputs give the same output',
    topics: ['control'],
    take(event, _fromRow, report) {
      const state = pipelines.of(event.pipeline);
      if (pipelineApplied.is(event)) state.specs.set(event.pipelineversion, event.data.spec);
      else if (turnStarted.is(event)) {
        const { turn, seed, cut } = event.data;
        state.turns.set(turn, { seed, cut: canonicalJson(cut), version: event.pipelineversion });
      } else if (datasetSnapshotted.is(event)) {
        const turn = state.turns.get(event.data.turn);
        if (turn === undefined) return;
        compare(state, `the data of version ${turn.version} up to ${turn.cut}`, event.data.dataHash, event, report);
      } else if (modelTrained.is(event)) {
        state.trained.set(`${event.data.run}/${event.data.candidate.name}`, event.data.candidate);
      } else if (trainingCompleted.is(event)) {
        const { turn: name, run, dataHash, candidates } = event.data;
        const turn = state.turns.get(name);
        const spec = turn === undefined ? undefined : state.specs.get(turn.version);
        for (const candidate of candidates) {
          const told = state.trained.get(`${run}/${candidate.name}`);
          if (told !== undefined && canonicalJson(told) !== canonicalJson(candidate)) {
            const message = `candidate '${candidate.name}' of ${run} differs between model.trained and training.completed`;
            report({ pipeline: event.pipeline, message, event: event.id });
          }
          if (turn === undefined || spec === undefined || candidate.model === null) continue;
          compare(state, modelKey(candidate, dataHash, turn.seed, spec), candidate.model, event, report);
        }
      }
    },
  };
}

/** Everything that a built-in trainer's result depends on. */
function modelKey(
  { trainer, parameters }: TrainedCandidate,
  dataHash: string,
  seed: number,
  spec: PipelineSpec,
): string {
  const { task, hold_out, validation, window } = spec.train;
  const inputs = { trainer, parameters, dataHash, seed, task, hold_out, validation, window, label: spec.label };
  return `the model of ${trainer} on data ${dataHash.slice(0, 12)} with inputs ${digestOf(inputs).slice(0, 16)}`;
}

function compare(
  state: Pipeline,
  inputs: string,
  digest: string,
  event: { id: string; pipeline: string },
  report: Report,
): void {
  const before = state.outputs.get(inputs);
  if (before === undefined) {
    state.outputs.set(inputs, { digest, event: event.id });
  } else if (before.digest !== digest) {
    const message = `${inputs} is ${digest}, but was ${before.digest} at ${before.event}`;
    report({ pipeline: event.pipeline, message, event: event.id });
  }
}
