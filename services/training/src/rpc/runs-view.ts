import {
  type Event,
  modelTrained,
  pipelineEnded,
  type TrainedCandidate,
  trainingCompleted,
  trainingStarted,
} from '@relearn/contracts';
import { LogView, type Ports } from '@relearn/runtime';

export type RunProgress = 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELLED';

/** A training run. Times are business times, ISO 8601 UTC. */
export interface RunRecord {
  readonly run: string;
  readonly turn: string;
  readonly state: RunProgress;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly candidates: readonly TrainedCandidate[];
  readonly winner: string | null;
  /** Digest of the snapshot's manifest, and the hash of its data. */
  readonly manifest: string | null;
  readonly dataHash: string | null;
}

type Runs = Map<string, RunRecord>;

/** Folds an event into the runs of its pipeline, by turn and in their order. */
export function takeRun(runs: Runs, event: Event): void {
  if (trainingStarted.is(event)) {
    const { turn, run } = event.data;
    const open = { endedAt: null, candidates: [], winner: null, manifest: null, dataHash: null };
    runs.set(turn, { run, turn, state: 'RUNNING', startedAt: event.time, ...open });
  } else if (modelTrained.is(event)) {
    const { turn, candidate } = event.data;
    change(runs, turn, (run) => ({ candidates: [...run.candidates, candidate] }));
  } else if (trainingCompleted.is(event)) {
    const { turn, candidates, winner, manifest, dataHash } = event.data;
    const state = winner === null ? 'FAILED' : 'COMPLETED';
    change(runs, turn, () => ({ state, endedAt: event.time, candidates, winner, manifest, dataHash }));
  } else if (pipelineEnded.is(event) && event.data.turn !== null) {
    change(runs, event.data.turn, (run) =>
      run.state === 'RUNNING' ? { state: 'CANCELLED', endedAt: event.time } : {},
    );
  }
}

function change(runs: Runs, turn: string, to: (run: RunRecord) => Partial<RunRecord>): void {
  const run = runs.get(turn);
  if (run !== undefined) runs.set(turn, { ...run, ...to(run) });
}

/** Every pipeline's runs as the control log tells them; answers when it has read all that is there. */
export class RunsView {
  private readonly ports: Ports;
  private readonly byPipeline = new Map<string, Runs>();
  private readonly log: LogView;

  constructor(ports: Ports) {
    this.ports = ports;
    this.log = new LogView(ports, {
      topic: 'control',
      types: [trainingStarted, modelTrained, trainingCompleted, pipelineEnded],
      apply: (event) => takeRun(this.runsOf(event.pipeline), event),
    });
  }

  async of(pipeline: string): Promise<readonly RunRecord[]> {
    await this.log.current([this.ports.catalog.controlPartition(pipeline)]);
    return [...this.runsOf(pipeline).values()];
  }

  private runsOf(pipeline: string): Runs {
    const runs = this.byPipeline.get(pipeline) ?? new Map<string, RunRecord>();
    this.byPipeline.set(pipeline, runs);
    return runs;
  }
}
