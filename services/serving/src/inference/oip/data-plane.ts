import { type Clock, type Kernel, type MachineMs, RelearnError } from '@relearn/kernel';
import type { Job, JobAnswer } from '../batcher.js';
import type { ServedModel } from '../catalogue.js';
import type { ModelHost } from '../model-host.js';
import type { PredictionRecord } from '../prediction-record.js';
import { refusals } from '../refusals.js';
import type { TensorSpec } from '../tensors.js';
import { valuesOf } from '../values.js';
import { type CheckedRequest, checkRequest } from './check.js';
import { eventIdsOf, parameterKey, queueTimeoutOf } from './parameters.js';
import type { InferRequest, InferResponse } from './request.js';

/** How long a caller waits for its answer. */
export interface CallScope {
  readonly deadline: MachineMs;
  /** Has the caller given up? */
  readonly cancelled: boolean;
}

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** The Open Inference Protocol without a transport: the same for gRPC and REST. */
export class DataPlane {
  private readonly host: ModelHost;
  private readonly clock: Clock;
  private readonly version: string;

  constructor(host: ModelHost, kernel: Kernel, version: string) {
    this.host = host;
    this.clock = kernel.clock;
    this.version = version;
  }

  /** A process that answers is alive. */
  serverLive(): boolean {
    return true;
  }

  /** Turns false before anything is torn down; does not depend on a model. */
  serverReady(): boolean {
    return this.host.ready;
  }

  serverMetadata(): ServerMetadata {
    return { name: 'relearn', version: this.version, extensions: [] };
  }

  /** Throws NOT_FOUND for an unknown model or version, INVALID_INPUT for a version that is no integer. */
  modelReady(name: string, version: string): boolean {
    try {
      this.host.resolve(name, version);
      return this.host.ready;
    } catch (thrown) {
      if (thrown instanceof RelearnError && thrown.code === 'UNAVAILABLE') return false;
      throw thrown;
    }
  }

  modelMetadata(name: string, version: string): ModelMetadata {
    const { signature } = this.host.resolve(name, version);
    return { name, versions: this.host.versionsOf(name), platform: 'onnxruntime_onnx', ...signature };
  }

  /**
   * Answers once the record of the answer is in the prediction log. Throws the protocol's errors: NOT_FOUND,
   * INVALID_INPUT, UNAVAILABLE (not ready, queue full, stopping), RESOURCE_EXHAUSTED (the log is full), INTERNAL.
   */
  async infer(request: InferRequest, scope: CallScope): Promise<InferResponse> {
    if (!this.host.ready) throw refusals.stopping();
    const model = this.host.resolve(request.modelName, request.modelVersion);
    const checked = checkRequest(model, request, this.host.maxRequestRows);
    const answer = await this.host.submit(model, this.jobOf(model, request, checked, scope));
    const specs = checked.outputs.map((index) => model.signature.outputs[index]);
    const outputs = answer.outputs.flatMap((tensor, index) => {
      const spec = specs[index];
      return spec === undefined ? [] : [{ spec, tensor }];
    });
    return { model, id: request.id, outputs };
  }

  private jobOf(model: ServedModel, request: InferRequest, checked: CheckedRequest, scope: CallScope): Job {
    const { rows, inputs, outputs, bytes } = checked;
    const eventIds = eventIdsOf(request, rows);
    return {
      target: model,
      group: `${model.session}|${outputs}|${parameterKey(request.parameters)}`,
      rows,
      inputs,
      outputs,
      bytes,
      unwanted: () => this.unwanted(scope),
      queueTimeoutMs: queueTimeoutOf(request.parameters),
      recordOf: this.host.logs ? this.recorder(model, request, checked, eventIds) : undefined,
    };
  }

  private unwanted(scope: CallScope): RelearnError | undefined {
    if (scope.deadline <= this.clock.now()) return new RelearnError('DEADLINE_EXCEEDED', 'Deadline Exceeded');
    return scope.cancelled ? new RelearnError('CANCELLED', 'Cancelled by the caller') : undefined;
  }

  private recorder(
    model: ServedModel,
    request: InferRequest,
    checked: CheckedRequest,
    eventIds: readonly (string | null)[],
  ): (answer: JobAnswer) => PredictionRecord {
    const receivedAt = this.clock.wall();
    const { inputs, outputs } = model.signature;
    return (answer) => ({
      model: model.name,
      version: model.version,
      id: request.id,
      eventIds,
      parameters: request.parameters,
      rows: checked.rows,
      receivedAt,
      timings: answer.timings,
      inputs: () => inputs.map((spec, index) => valuesOf(spec, checked.inputs[index] ?? emptyTensor)),
      outputs: () =>
        checked.outputs.flatMap((at, index) => {
          const spec = outputs[at];
          return spec === undefined ? [] : [valuesOf(spec, answer.outputs[index] ?? emptyTensor)];
        }),
    });
  }
}

const emptyTensor = { shape: [0], bytes: new Uint8Array() };
