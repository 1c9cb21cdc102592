import type { Path } from './problems.js';
import type { CandidateSpec, PipelineSpec, Task } from './spec.js';

export interface ParameterFacts {
  readonly type: 'number' | 'integer' | 'boolean' | 'string';
  /** Inclusive bounds of a number. */
  readonly min?: number;
  readonly max?: number;
}

/** Parameters that every candidate takes, whatever its trainer. */
export const commonParameters = {
  /** Share of the training rows, the latest, that it is trained on: after a change the old rows teach what no longer holds. */
  recent: { type: 'number', min: 0.01, max: 1 },
} as const satisfies Record<string, ParameterFacts>;

/** A candidate's `recent`, 1 where it is absent, and the parameters of its trainer. */
export function splitParameters(parameters: CandidateSpec['parameters']): {
  recent: number;
  own: CandidateSpec['parameters'];
} {
  const { recent = 1, ...own } = parameters;
  return { recent: Number(recent), own };
}

export interface TrainerFacts {
  readonly tasks: readonly Task[];
  readonly parameters: Readonly<Record<string, ParameterFacts>>;
}

export interface MetricFacts {
  readonly tasks: readonly Task[];
}

/** A problem that the feature engine finds; the path is one of the resolved spec, such as `['features', 2, 'expression']`. */
export interface FeatureProblem {
  readonly path: Path;
  readonly message: string;
  readonly remedy?: string;
}

/** What a pipeline file may name. The rooms that offer it are not known here: whoever parses passes it. */
export interface PipelineCatalog {
  readonly trainers: Readonly<Record<string, TrainerFacts>>;
  readonly metrics: Readonly<Record<string, MetricFacts>>;
  /** By type of feature; absent: any name passes. */
  readonly driftMethods?: Readonly<Record<'number' | 'category', readonly string[]>>;
  /** Checks the expressions of features and label. Called with the resolved spec. */
  readonly checkFeatures?: (spec: PipelineSpec) => readonly FeatureProblem[];
}
