import type { Cause, FeatureDrift, Gate, Outcome, RetrainReason } from '@relearn/contracts';

/** When something happened: on the pipeline's business clock and on the machine's wall clock, both ms since 1970 UTC. */
export interface Moment {
  readonly business: number;
  readonly wall: number;
}

export type Verdict = Gate['verdict'];
export type Metrics = Readonly<Record<string, number | null>>;

export interface ModelView {
  readonly model: number;
  readonly bundle: string;
  /** Empty: registered by hand. */
  readonly turn: string;
  readonly pipelineVersion: number;
  readonly verdict: Verdict;
  readonly metrics: Metrics;
  readonly registered: Moment;
  /** The last time at which it became champion; null: never. */
  readonly promoted: Moment | null;
  /** The last time at which serving said that it answers; null: never. */
  readonly deployed: Moment | null;
  readonly champion: boolean;
  readonly frozen: boolean;
}

/** A model that no pipeline owns. */
export interface PlainModelView {
  readonly name: string;
  /** Null: only requests that name a version are answered. */
  readonly champion: number | null;
  readonly pinned: boolean;
  readonly versions: readonly ModelView[];
}

export const turnStages = [
  'requested',
  'started',
  'snapshotted',
  'training',
  'trained',
  'evaluated',
  'tried',
  'ended',
] as const;
export type TurnStage = (typeof turnStages)[number];

export interface CandidateView {
  readonly name: string;
  readonly trainer: string;
  readonly metrics: Metrics;
  readonly failure: string | null;
}

/** One request and what became of it. */
export interface TurnView {
  readonly request: string;
  /** Null for a request that never became a turn. */
  readonly turn: string | null;
  readonly reason: RetrainReason;
  readonly actor: string | null;
  readonly causes: readonly Cause[];
  /** Labels known at the request. */
  readonly labelled: number;
  readonly pipelineVersion: number;
  readonly stages: Readonly<Partial<Record<TurnStage, Moment>>>;
  readonly snapshot: {
    readonly rows: number;
    readonly labelled: number;
    readonly from: number;
    readonly to: number;
  } | null;
  readonly candidates: readonly CandidateView[];
  readonly winner: string | null;
  readonly verdict: Verdict | null;
  readonly gates: readonly Gate[];
  /** Hold-out metrics of the candidate and of the champion on the same rows. */
  readonly metrics: Metrics;
  readonly championMetrics: Metrics | null;
  readonly holdOutRows: number;
  /** Number of the model that came of it. */
  readonly model: number | null;
  readonly outcome: Outcome | null;
  readonly detail: string;
}

export interface PerformanceView {
  readonly metric: string;
  readonly model: number;
  readonly value: number | null;
  readonly frozen: number | null;
  readonly trailing: number | null;
  readonly reference: number | null;
  readonly labelled: number;
  readonly predictions: number;
  readonly state: FeatureDrift['state'];
}

export interface DriftView {
  readonly model: number;
  readonly rows: number;
  readonly state: FeatureDrift['state'];
  readonly share: number | null;
  readonly features: readonly FeatureDrift[];
}

/** One monitoring window: start inclusive, end exclusive, business ms. What has not been reported yet is null. */
export interface WindowView {
  readonly start: number;
  readonly end: number;
  readonly rows: number;
  readonly predictions: number;
  readonly performance: PerformanceView | null;
  readonly drift: DriftView | null;
}

export interface AlarmView {
  readonly at: Moment;
  readonly kind: 'drift' | 'performance' | 'data-quality' | 'gap';
  readonly message: string;
  readonly causes: readonly Cause[];
}

/** Records of `data.raw` and what became of them: received = validated + quarantined + duplicates + dead-lettered + pending. */
export interface Conservation {
  readonly received: number;
  readonly validated: number;
  readonly quarantined: number;
  readonly duplicates: number;
  readonly deadLettered: number;
  readonly pending: number;
  /** What is missing in the sum: 0 unless validation lost count. */
  readonly difference: number;
  /** Whether `pending` and `received` are lower bounds, since not all that waits has been counted yet. */
  readonly atLeast: boolean;
}

export const stageNames = [
  'ingestion',
  'validation',
  'feature',
  'training',
  'evaluation',
  'registry',
  'serving',
  'monitoring',
] as const;
export type StageName = (typeof stageNames)[number];

export interface StageView {
  readonly name: StageName;
  readonly state: 'idle' | 'working' | 'alarm';
  readonly counts: Readonly<Record<string, number>>;
}

export interface PipelineSummary {
  readonly name: string;
  readonly version: number;
  readonly description: string;
  readonly task: string;
  /** The pipeline's metric: the first of `evaluate.metrics`. */
  readonly metric: string;
  readonly champion: number | null;
  readonly frozen: number | null;
  /** The running turn and what it is at. */
  readonly turn: {
    readonly id: string;
    readonly reason: RetrainReason;
    readonly stage: TurnStage;
    readonly since: Moment;
  } | null;
  /** Null: none. */
  readonly rollout: RolloutView | null;
  /** Nothing moves the champion alias. */
  readonly pinned: boolean;
  /** Business time, ms; null before anything has happened. */
  readonly now: number | null;
}

/** A model that is tried beside the champion. */
export interface RolloutView {
  readonly model: number;
  readonly turn: string;
  readonly strategy: 'shadow' | 'canary';
  /** From 0; of so many. */
  readonly step: number;
  readonly steps: number;
  /** Of the requests that it answers. */
  readonly share: number;
  /** Requests that each step is judged on. */
  readonly each: number;
  /** Requests and rows that it has been judged on so far. */
  readonly requests: number;
  readonly rows: number;
  readonly since: Moment;
}

/** Numbers that grow when the part of the view that they name changes. */
export interface Revisions {
  readonly models: number;
  readonly turns: number;
  readonly windows: number;
  readonly alarms: number;
}

export interface PipelineState extends PipelineSummary {
  readonly applied: Moment;
  /** Width of a monitoring window, ms, and how many together are the trailing figure. */
  readonly window: number;
  readonly trailingWindows: number;
  /** Labelled rows from which on a first model is trained. */
  readonly minimumRows: number;
  readonly stages: readonly StageView[];
  readonly conservation: Conservation;
  /** Shards whose last window broke an expectation. */
  readonly failingShards: readonly number[];
  readonly alarms: readonly AlarmView[];
  readonly revisions: Revisions;
}
