import type { Unary } from '@relearn/rpc';

/** The messages of `relearn/v1/registry.proto`; what each field means is said there. */
export interface PipelineMessage {
  readonly name: string;
  readonly version: number;
  readonly digest: string;
  readonly champion: number;
  readonly frozen: number;
  readonly models: number;
  readonly turns: number;
  readonly turn: string;
  readonly lastOutcome: string;
  readonly failingShards: readonly number[];
  readonly pinned: boolean;
  readonly rollout?: RolloutMessage;
}

export interface RolloutMessage {
  readonly model: number;
  readonly strategy: string;
  readonly step: number;
  readonly steps: number;
  readonly share: number;
}

export interface ModelMessage {
  readonly model: number;
  readonly pipelineVersion: number;
  readonly turn: string;
  readonly bundle: string;
  readonly verdict: string;
  readonly metrics: Readonly<Record<string, number>>;
  readonly registeredAt: string;
  readonly promotedAt: string;
  readonly champion: boolean;
  readonly frozen: boolean;
}

export interface TurnMessage {
  readonly request: string;
  readonly turn: string;
  readonly reason: string;
  readonly requestedAt: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly outcome: string;
  readonly detail: string;
  readonly model: number;
}

interface OfPipeline {
  readonly pipeline: string;
}

export interface GetModelResponse {
  readonly model: ModelMessage;
  readonly files: Readonly<Record<string, string>>;
  readonly lineage: string;
}

export interface RegistryHandlers {
  apply: Unary<
    { readonly file: string; readonly name?: string },
    { readonly pipeline: string; readonly version: number; readonly changed: boolean }
  >;
  listPipelines: Unary<object, { readonly pipelines: readonly PipelineMessage[] }>;
  getPipeline: Unary<OfPipeline, { readonly pipeline: PipelineMessage; readonly spec: string }>;
  listModels: Unary<OfPipeline, { readonly models: readonly ModelMessage[] }>;
  getModel: Unary<OfPipeline & { readonly model?: number }, GetModelResponse>;
  listTurns: Unary<OfPipeline & { readonly limit?: number }, { readonly turns: readonly TurnMessage[] }>;
  promote: Unary<OfPipeline & { readonly model: number }, { readonly champion: number }>;
  rollBack: Unary<OfPipeline & { readonly model?: number; readonly reason: string }, { readonly champion: number }>;
  pin: Unary<OfPipeline & { readonly reason: string }, { readonly champion: number }>;
  unpin: Unary<OfPipeline & { readonly reason: string }, { readonly champion: number }>;
  registerModel: Unary<
    { readonly name: string; readonly onnx: Uint8Array; readonly alias?: string },
    { readonly model: number; readonly bundle: string; readonly champion: number }
  >;
}
