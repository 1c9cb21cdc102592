import type { Datatype } from '@relearn/onnx';
import type { ModelHost } from '../model-host.js';
import type { ServedModel } from '../catalogue.js';
import { defaultPriority, lowestPriority } from '../request-queue.js';
import type { TensorSpec } from '../tensors.js';

/** `inference.ModelConfig`: the fields of the .proto in lower camel case, enums by name. */
export interface ModelConfig {
  readonly name: string;
  readonly platform: string;
  readonly backend: string;
  readonly versionPolicy: { readonly specific: { readonly versions: readonly number[] } };
  /** Rows of one request; 0: no batch axis, and `dims` are whole shapes. */
  readonly maxBatchSize: number;
  readonly input: readonly TensorConfig[];
  readonly output: readonly TensorConfig[];
  readonly dynamicBatching?: DynamicBatching;
  readonly instanceGroup: readonly { readonly name: string; readonly kind: 'KIND_CPU'; readonly count: number }[];
  readonly defaultModelFilename: string;
  readonly modelTransactionPolicy: { readonly decoupled: boolean };
}

interface TensorConfig {
  readonly name: string;
  readonly dataType: string;
  readonly dims: readonly number[];
}

interface DynamicBatching {
  readonly preferredBatchSize: readonly number[];
  readonly maxQueueDelayMicroseconds: number;
  readonly preserveOrdering: boolean;
  readonly priorityLevels: number;
  readonly defaultPriorityLevel: number;
  readonly defaultQueuePolicy: {
    readonly timeoutAction: 'REJECT';
    readonly defaultTimeoutMicroseconds: number;
    readonly allowTimeoutOverride: boolean;
    readonly maxQueueSize: number;
  };
}

export function configOf(host: ModelHost, model: ServedModel): ModelConfig {
  const { signature, batchable } = model;
  const tensor = (spec: TensorSpec) => tensorConfig(spec, batchable);
  return {
    name: model.name,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    versionPolicy: { specific: { versions: host.versionsOf(model.name).map(Number) } },
    maxBatchSize: batchable ? host.maxRequestRows : 0,
    input: signature.inputs.map(tensor),
    output: signature.outputs.map(tensor),
    ...(batchable ? { dynamicBatching: batchingOf(host) } : {}),
    instanceGroup: [{ name: model.name, kind: 'KIND_CPU', count: host.runsAtOnce }],
    defaultModelFilename: 'model.onnx',
    modelTransactionPolicy: { decoupled: false },
  };
}

function tensorConfig({ name, datatype, shape }: TensorSpec, batchable: boolean): TensorConfig {
  return { name, dataType: configType(datatype), dims: batchable ? shape.slice(1) : shape };
}

function configType(datatype: Datatype): string {
  return datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`;
}

/** The queue never waits for more: what is there when a thread is free runs together. */
function batchingOf(host: ModelHost): DynamicBatching {
  return {
    preferredBatchSize: [],
    maxQueueDelayMicroseconds: 0,
    preserveOrdering: false,
    priorityLevels: lowestPriority,
    defaultPriorityLevel: defaultPriority,
    defaultQueuePolicy: {
      timeoutAction: 'REJECT',
      defaultTimeoutMicroseconds: 0,
      allowTimeoutOverride: true,
      maxQueueSize: host.maxQueuedRequests,
    },
  };
}
