import { type Chance, type Clock, type Kernel, type MachineMs, RelearnError } from '@relearn/kernel';
import type { ActiveSpan, Telemetry } from '@relearn/telemetry';
import type { Job, JobAnswer } from '../batcher.js';
import { type ServedModel, versionNumber } from '../catalogue.js';
import { failureReasonOf } from '../figures.js';
import type { ModelHost, ModelListing } from '../model-host.js';
import { type TraceSettings, traceSettings } from './fixed-settings.js';
import { RefusedLate, refusals } from '../refusals.js';
import { type Choice, choose } from '../rollout.js';
import type { NamedTensor, TensorSpec } from '../tensors.js';
import type { CheckedRequest } from './check.js';
import { classified } from './classification.js';
import { configOf, type ModelConfig } from './model-config.js';
import { type ModelStatistics, statisticsOf } from './model-statistics.js';
import { eventIdsOf, parameterKey, priorityOf, queueTimeoutOf } from './parameters.js';
import { RequestTracing, tellSpan } from './request-tracing.js';
import { answeredRecord, failedRecord, type Mirroring, mirroredRecord, type Told } from './records.js';
import type { InferRequest, InferResponse } from './request.js';

/** How long a caller waits for its answer. */
export interface CallScope {
  readonly deadline: MachineMs;
  /** Has the caller given up? */
  readonly cancelled: boolean;
  /** What came beside the request, by lower-case name. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The header or metadata by which requests stick to a model. */
export const keyHeader = 'x-relearn-key';

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

/** A version in the repository; states are READY, LOADING, UNLOADING and UNAVAILABLE, with the reason for that one. */
export interface IndexEntry {
  readonly name: string;
  readonly version: string;
  readonly state: string;
  readonly reason: string;
}

/** What is offered beyond the protocol's core, by the names that its clients know. */
const extensions = [
  'classification',
  'schedule_policy',
  'model_configuration',
  'binary_tensor_data',
  'parameters',
  'statistics',
] as const;

/** The Open Inference Protocol without a transport: the same for gRPC and REST. */
export class DataPlane {
  private readonly host: ModelHost;
  private readonly clock: Clock;
  private readonly chance: Chance;
  private readonly version: string;
  private readonly tracing: RequestTracing;
  private leaving = false;

  constructor(host: ModelHost, kernel: Kernel, version: string, telemetry?: Pick<Telemetry, 'traces' | 'span'>) {
    this.host = host;
    this.clock = kernel.clock;
    this.chance = kernel.chance;
    this.version = version;
    this.tracing = new RequestTracing(kernel.chance, telemetry);
  }

  /** A process that answers is alive. */
  serverLive(): boolean {
    return true;
  }

  /** Turns false before anything is torn down; does not depend on a model. */
  serverReady(): boolean {
    return this.host.ready && !this.leaving;
  }

  /** From here on callers are told to go elsewhere; who comes all the same is answered. */
  leave(): void {
    this.leaving = true;
  }

  serverMetadata(): ServerMetadata {
    return { name: 'relearn', version: this.version, extensions };
  }

  /** Of a model, or of all where no name is given: the same. Throws NOT_FOUND for an unknown model. */
  traceSettings(model: string): TraceSettings {
    if (model !== '') this.host.resolve(model, '');
    return traceSettings;
  }

  /** Throws NOT_FOUND for an unknown model or version, INVALID_INPUT for a version that is no integer. */
  modelReady(name: string, version: string): boolean {
    try {
      this.host.resolve(name, version);
      return this.serverReady();
    } catch (thrown) {
      if (thrown instanceof RelearnError && thrown.code === 'UNAVAILABLE') return false;
      throw thrown;
    }
  }

  /** The version that would answer. Throws what `modelConfig` throws. */
  model(name: string, version: string): Pick<ServedModel, 'signature' | 'batchable'> {
    return this.host.resolve(name, version);
  }

  modelMetadata(name: string, version: string): ModelMetadata {
    const { signature } = this.host.resolve(name, version);
    return { name, versions: this.host.versionsOf(name), platform: 'onnxruntime_onnx', ...signature };
  }

  /** Throws what `modelReady` throws, and UNAVAILABLE for a version that is not ready. */
  modelConfig(name: string, version: string): ModelConfig {
    return configOf(this.host, this.host.resolve(name, version));
  }

  /**
   * Of one version, of all ready versions of a model, or, for an empty name, of all models; since they were loaded, rows
   * of the stream not among them. Throws INVALID_INPUT for what is not there or not ready.
   */
  modelStatistics(name: string, version: string): readonly ModelStatistics[] {
    const ready = this.host.list().filter(({ state, offered }) => state === 'READY' && offered);
    if (name === '') return this.statisticsOf(ready);
    const versions = ready.filter((entry) => entry.name === name);
    if (versions.length === 0) {
      throw new RelearnError('INVALID_INPUT', `requested model '${name}' is not available`);
    }
    if (version === '') return this.statisticsOf(versions);
    const wanted = versionNumber(version);
    const one = versions.filter((entry) => entry.version === wanted);
    if (one.length > 0) return this.statisticsOf(one);
    throw new RelearnError('INVALID_INPUT', `requested model version is not available for model '${name}'`);
  }

  /** Versions that requests may name, by name and version; of all states, or READY ones alone. */
  repositoryIndex(repository: string, readyOnly: boolean): readonly IndexEntry[] {
    if (repository !== '') throw refusals.namedRepository();
    return byNameAndVersion(this.host.list())
      .filter(({ state, offered }) => offered && (!readyOnly || state === 'READY'))
      .map(({ name, version, state, reason }) => ({ name, version: String(version), state, reason }));
  }

  /** Clients do not load or unload models: throws UNAVAILABLE, or UNIMPLEMENTED where a repository is named. */
  controlModel(repository: string): never {
    if (repository !== '') throw refusals.namedRepository();
    throw refusals.modelControl();
  }

  /**
   * Answers once the record of the answer is in the prediction log. Throws the protocol's errors: NOT_FOUND,
   * INVALID_INPUT, UNAVAILABLE (not ready, queue full, stopping), RESOURCE_EXHAUSTED (the log is full), INTERNAL. The
   * request's bytes are read no more then.
   */
  infer(request: InferRequest, scope: CallScope): Promise<InferResponse> {
    return this.tracing.around(request, scope, (span) => this.answerTo(request, scope, span));
  }

  private async answerTo(request: InferRequest, scope: CallScope, span?: ActiveSpan): Promise<InferResponse> {
    if (!this.host.ready) throw refusals.stopping();
    const choice = choose(this.host, request, () => this.keyOf(request, scope));
    const { model, checked, trial } = choice;
    const eventIds = eventIdsOf(request, checked.rows);
    const told: Told = { request, choice, eventIds, receivedAt: this.clock.wall(), traceId: span?.traceId };
    const answer = await this.answerOf(told, scope);
    if (span !== undefined) tellSpan(span, choice, answer.timings);
    if (trial !== undefined && trial.mirror !== null) {
      void this.mirror(told, { ...trial, mirror: ownOf(trial.mirror) }, answer);
    }
    const outputs: NamedTensor[] = [];
    for (const [index, tensor] of answer.outputs.entries()) {
      const spec = model.signature.outputs[checked.outputs[index] ?? -1];
      if (spec === undefined) continue;
      const classes = request.classes?.get(spec.name);
      outputs.push(classes === undefined ? { spec, tensor } : classified({ spec, tensor }, classes, model));
    }
    const { id } = request;
    return trial === undefined ? { model, id, outputs } : { model, id, outputs, arm: choice.arm };
  }

  private statisticsOf(listed: readonly ModelListing[]): readonly ModelStatistics[] {
    return byNameAndVersion(listed).map(({ name, version }) => statisticsOf(this.host.resolve(name, String(version))));
  }

  private async answerOf(told: Told, scope: CallScope): Promise<JobAnswer> {
    const { model } = told.choice;
    const began = this.clock.now();
    try {
      const answer = await this.host.submit(model, this.jobOf(told, scope));
      model.figures.answered(this.clock.now() - began, this.clock.wall());
      return answer;
    } catch (thrown) {
      const tookMs = this.clock.now() - began;
      const error = RelearnError.from(thrown);
      model.figures.failed(tookMs, failureReasonOf(error));
      if (isFailure(error)) this.host.note(failedRecord(told, error.code, tookMs));
      throw thrown;
    }
  }

  private jobOf(told: Told, scope: CallScope): Job {
    const { request, choice } = told;
    const { model, checked } = choice;
    // Written out: to spread one object into another takes V8 microseconds, and each request comes through here.
    return {
      target: model,
      group: groupOf(request, choice),
      rows: checked.rows,
      inputs: checked.inputs,
      outputs: checked.outputs,
      bytes: checked.bytes,
      unwanted: () => this.unwanted(scope),
      deadline: scope.deadline,
      queueTimeoutMs: queueTimeoutOf(request.parameters),
      priority: priorityOf(request.parameters),
      figures: model.figures,
      recordOf: this.host.logs ? (answer) => answeredRecord(told, answer) : undefined,
    };
  }

  /** Nobody waits for it: what becomes of it is in the log alone. */
  private async mirror(told: Told, trial: Mirroring, answer: JobAnswer): Promise<void> {
    const { model, checked } = trial.mirror;
    const { rows, inputs, outputs, bytes } = checked;
    const group = groupOf(told.request, trial.mirror);
    const job = { target: model, group, rows, inputs, outputs, bytes, unwanted: () => undefined };
    let mirrored: JobAnswer | string | null;
    try {
      mirrored = await this.host.mirror(model, job);
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      mirrored = isFailure(error) ? error.code : null;
    }
    if (mirrored !== null) this.host.note(mirroredRecord(told, trial, answer, mirrored));
  }

  /** The key that a header gives, else the request's id; without either each request falls anew. */
  private keyOf({ id }: InferRequest, { metadata }: CallScope): string {
    return metadata?.[keyHeader] ?? (id === '' ? this.chance.id() : id);
  }

  private unwanted(scope: CallScope): RelearnError | undefined {
    if (scope.deadline <= this.clock.now()) return new RelearnError('DEADLINE_EXCEEDED', 'Deadline Exceeded');
    return scope.cancelled ? new RelearnError('CANCELLED', 'Cancelled by the caller') : undefined;
  }
}

/** Has a model failed the request? What was refused beforehand, or given up, is no model's fault. */
function isFailure(error: RelearnError): boolean {
  return error.code === 'INTERNAL' || (error.code === 'DEADLINE_EXCEEDED' && !(error instanceof RefusedLate));
}

/** With inputs of its own: the request's bytes are gone once it is answered. */
function ownOf<Arm extends { readonly checked: CheckedRequest }>(arm: Arm): Arm {
  const inputs = arm.checked.inputs.map(({ shape, bytes }) => ({ shape, bytes: new Uint8Array(bytes) }));
  return { ...arm, checked: { ...arm.checked, inputs } };
}

function groupOf({ parameters }: InferRequest, { model, checked }: Pick<Choice, 'model' | 'checked'>): string {
  let group = `${model.session}|`;
  for (const output of checked.outputs) group += `${output},`;
  return `${group}|${parameterKey(parameters)}`;
}

function byNameAndVersion(listed: readonly ModelListing[]): readonly ModelListing[] {
  return [...listed].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version - b.version));
}
