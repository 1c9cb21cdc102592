import type { PipelineSpec } from '@relearn/contracts';
import type { Ports } from '@relearn/runtime';
import type { ConsoleView } from './read-model/console-view.js';

/** What the console asks of the registry. */
export interface RegistryDoor {
  /** The text of a pipeline file; `name` is what errors show. */
  apply(
    file: string,
    name: string,
    actor: string,
  ): Promise<{ readonly pipeline: string; readonly version: number; readonly changed: boolean }>;
  promote(pipeline: string, model: number, actor: string): Promise<void>;
  rollBack(pipeline: string, model: number | null, reason: string, actor: string): Promise<void>;
  pin(pipeline: string, reason: string, actor: string): Promise<void>;
  unpin(pipeline: string, reason: string, actor: string): Promise<void>;
  /** An ONNX file as the next version of a name that no pipeline owns; `alias` is champion or empty. */
  registerModel(name: string, onnx: Uint8Array, alias: string, actor: string): Promise<RegisteredModel>;
}

export interface RegisteredModel {
  readonly model: number;
  readonly bundle: string;
  /** The version that answers requests that name none; 0: none does. */
  readonly champion: number;
}

type Cells = Readonly<Record<string, string | number | boolean | null>>;

/** What the console asks of serving. */
export interface ServingDoor {
  predict(order: {
    readonly pipeline: string;
    /** Empty: the version in force. */
    readonly version: string;
    readonly id: string;
    readonly rows: readonly { readonly entity: Cells; readonly columns: Cells; readonly eventId: string }[];
  }): Promise<{
    readonly version: string;
    readonly arm: string;
    readonly rows: readonly {
      readonly outputs: Cells;
      readonly features: { readonly eventId: string; readonly time: string; readonly asOf: string } | null;
    }[];
  }>;
}

export interface MonitoringDoor {
  /** Answers the request's id. */
  requestRetrain(pipeline: string, actor: string): Promise<string>;
}

export interface AuditReport {
  readonly events: number;
  readonly violations: readonly { readonly invariant: string; readonly message: string }[];
}

export interface StateHash {
  readonly all: string;
  readonly services: Readonly<Record<string, string>>;
}

export interface Verification {
  readonly stored: StateHash;
  readonly rebuilt: StateHash;
  /** Where they first differ; null: nowhere. */
  readonly difference: string | null;
}

export interface ReplayStatus {
  readonly pipeline: string;
  /** Business ms that pass in one machine ms. */
  readonly speed: number;
  readonly state: 'history' | 'replaying' | 'done' | 'failed';
  /** Records written and in all. */
  readonly done: number;
  readonly total: number;
  readonly detail: string;
}

export interface ReplayDoor {
  /** Applies the file (a path on this machine) and replays the data that it names. Throws INVALID_PIPELINE, NOT_FOUND, REFUSED. */
  start(file: string, speed: number | null): Promise<ReplayStatus>;
  status(): readonly ReplayStatus[];
}

export interface IngestAnswer {
  /** Records written: rows, and of those that hold it their label. */
  readonly published: number;
  readonly rejected: { readonly count: number; readonly first: readonly unknown[] };
  /** Columns of the file that the pipeline does not declare. */
  readonly undeclared: readonly string[];
}

/** What is left to do. */
export interface Work {
  /** Records that readers have not worked through. */
  readonly behind: number;
  /** Jobs that run in this process, or turns that run where services have processes of their own. */
  readonly jobs: number;
}

/** What stands behind the console's door; apps/platform puts it together. */
export interface ConsoleDeps {
  readonly ports: Ports;
  readonly view: ConsoleView;
  readonly registry: RegistryDoor;
  readonly monitoring: MonitoringDoor;
  readonly serving: ServingDoor;
  readonly audit: () => Promise<AuditReport>;
  readonly verify: () => Promise<Verification>;
  readonly work: () => Promise<Work>;
  /** Reads a pipeline file; `file` is the name that errors show. Throws InvalidPipelineError. */
  readonly parse: (text: string, file: string) => { readonly spec: PipelineSpec };
  readonly replay?: ReplayDoor;
  /** Writes a data file of this machine to a stream of the pipeline; written twice it is taken once. */
  readonly ingest?: (pipeline: string, file: string, stream: string) => Promise<IngestAnswer>;
  /** Version of the product. */
  readonly version: string;
}
