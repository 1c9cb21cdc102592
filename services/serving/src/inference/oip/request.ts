import type { AnsweringArm } from '@relearn/contracts';
import type { RelearnError } from '@relearn/kernel';
import type { Parameter } from '../prediction-record.js';
import type { ServedModel } from '../catalogue.js';
import type { TensorBytes, TensorSpec } from '../tensors.js';
import type { JsonValue } from './json-text.js';

export type Parameters = Readonly<Record<string, Parameter>>;

/** Where a tensor's values are. */
export type TensorData =
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  /** An InferTensorContents, still encoded. */
  | { readonly kind: 'typed'; readonly contents: Uint8Array }
  /** JSON, flat or nested. */
  | { readonly kind: 'json'; readonly data: readonly JsonValue[] }
  | { readonly kind: 'none' };

export interface RequestTensor {
  readonly name: string;
  readonly datatype: string;
  /** Numbers beyond 2^53 are near only; none of them is a size. */
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** An inference request of whatever transport, not yet checked. */
export interface InferRequest {
  readonly modelName: string;
  /** Empty: the version in force. */
  readonly modelVersion: string;
  readonly id: string;
  readonly parameters: Parameters;
  readonly inputs: readonly RequestTensor[];
  /** Names; empty: all outputs. */
  readonly outputs: readonly string[];
  /** Outputs to be answered as their greatest values, and how many of them. */
  readonly classes?: ReadonlyMap<string, number>;
  /** What is wrong with it whatever its model. */
  readonly fault?: RelearnError | undefined;
  /** A tensor has typed contents although the request has raw ones: its name. */
  readonly bothKinds: string | undefined;
  /** More raw contents than inputs. */
  readonly surplusRaw: boolean;
}

export interface InferResponse {
  readonly model: ServedModel;
  readonly id: string;
  /** Told while a model is rolled out. */
  readonly arm?: AnsweringArm;
  readonly outputs: readonly { readonly spec: TensorSpec; readonly tensor: TensorBytes }[];
}
