import type { Gate, GradualRollout, Outcome, RetrainReason } from '@relearn/contracts';

export interface ModelPlace {
  readonly model: number;
  readonly bundle: string;
  readonly reference: string;
}

/** A model that was champion once, and the event that made it so: what a rollback needs. */
export interface FormerChampion extends Omit<ModelPlace, 'reference'> {
  /** Absent: of a model that no pipeline owns. */
  readonly reference?: string;
  readonly promotion: string;
}

/** A version that was registered by hand. */
export type PlainVersion = Pick<ModelPlace, 'model' | 'bundle'>;

export interface Turn {
  readonly id: string;
  readonly request: string;
  readonly reason: RetrainReason;
  /** The pipeline version that the turn runs under. */
  readonly version: number;
  /** Data-quality failures stop a turn only before its training has completed. */
  readonly trained: boolean;
  /** Machine time that it may take. */
  readonly deadlineMs: number;
  readonly overdue: boolean;
}

/** The gate record of the last evaluation, which alone may move the alias to its bundle. */
export interface GateRecord {
  readonly event: string;
  readonly bundle: string;
  readonly reference: string;
  readonly model: number;
  readonly verdict: 'passed' | 'rejected' | 'inconclusive';
  readonly version: number;
  readonly champion: string | null;
}

/** A passed model that is tried beside the champion. */
export interface Rollout extends ModelPlace {
  /** The champion's bundle when it began. */
  readonly champion: string;
  readonly policy: GradualRollout;
  readonly step: number;
  /** Id of the gate record, and what it measured. */
  readonly evidence: string;
  readonly gates: readonly Gate[];
}

/** One pipeline: its version, the running turn, the champion alias and what may move it. */
export interface PipelineState {
  readonly version: number;
  readonly digest: string | null;
  readonly deadlineMs: number;
  readonly seed: number;
  readonly turns: number;
  readonly models: number;
  readonly turn: Turn | null;
  readonly champion: FormerChampion | null;
  readonly frozen: { readonly model: number; readonly bundle: string } | null;
  /** Newest last, bounded. */
  readonly former: readonly FormerChampion[];
  readonly record: GateRecord | null;
  /** Shards whose last window broke an expectation. */
  readonly failing: readonly number[];
  readonly lastOutcome: Outcome | null;
  /** How passed models go live beside a champion; absent: at once. */
  readonly policy?: GradualRollout;
  /** Of the running turn; absent: none. */
  readonly rollout?: Rollout;
  /** Nothing moves the alias. */
  readonly pinned?: true;
  /** No pipeline owns the name: versions that a person may promote, newest last, bounded. */
  readonly plain?: readonly PlainVersion[];
}

export const unknownPipeline: PipelineState = {
  version: 0,
  digest: null,
  deadlineMs: 0,
  seed: 0,
  turns: 0,
  models: 0,
  turn: null,
  champion: null,
  frozen: null,
  former: [],
  record: null,
  failing: [],
  lastOutcome: null,
};

export const formerKept = 20;
export const plainKept = 100;

/** The timer that ends the turn when its machine time has run out. */
export const deadlineTimer = (turn: string) => `deadline/${turn}`;
