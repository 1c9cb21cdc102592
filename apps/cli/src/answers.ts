/** The parts of the REST API's answers that the command line shows; the OpenAPI document describes them whole. */

export interface Moment {
  readonly business: number;
  readonly wall: number;
}

export interface PipelineSummary {
  readonly name: string;
  readonly version: number;
  readonly metric: string;
  readonly champion: number | null;
  readonly turn: {
    readonly id: string;
    readonly reason: string;
    readonly stage: string;
    readonly since: Moment;
  } | null;
  readonly rollout: {
    readonly model: number;
    readonly strategy: 'shadow' | 'canary';
    readonly step: number;
    readonly steps: number;
    readonly share: number;
    readonly requests: number;
    readonly rows: number;
  } | null;
  readonly pinned: boolean;
  readonly now: number | null;
}

export interface PipelineState extends PipelineSummary {
  readonly conservation: { readonly received: number; readonly quarantined: number; readonly pending: number };
}

export interface ReplayStatus {
  readonly pipeline: string;
  readonly speed: number;
  readonly state: 'history' | 'replaying' | 'done' | 'failed';
  readonly done: number;
  readonly total: number;
  readonly detail: string;
}

export interface Status {
  readonly version: string;
  readonly behind: number;
  readonly jobs: number;
  readonly pipelines: readonly PipelineSummary[];
  readonly replays: readonly ReplayStatus[];
}

export interface Model {
  readonly model: number;
  readonly bundle: string;
  readonly turn: string;
  readonly verdict: 'passed' | 'rejected' | 'inconclusive';
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly promoted: Moment | null;
  readonly champion: boolean;
  readonly frozen: boolean;
}

/** A model that no pipeline owns; its versions newest first. */
export interface PlainModel {
  readonly name: string;
  readonly champion: number | null;
  readonly pinned: boolean;
  readonly versions: readonly (Model & { readonly deployed: Moment | null })[];
}

export interface Quarantined {
  readonly id: string;
  readonly reasons: readonly { readonly code: string; readonly column: string; readonly message: string }[];
}

export interface EventPage {
  readonly events: readonly {
    readonly source: string;
    readonly type: string;
    readonly time: string;
    readonly pipeline: string;
    readonly subject?: string;
    readonly causationid?: string;
    /** Of records that did not fit: why. */
    readonly data: { readonly records?: readonly Quarantined[] };
  }[];
  readonly next: string;
}
