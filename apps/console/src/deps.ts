import type { PipelineSpec } from '@relearn/contracts';
import type { Ports } from '@relearn/runtime';
import type { ConsoleView } from './read-model/console-view.js';

/** What the console asks of the registry. */
export interface RegistryDoor {
  apply(
    spec: PipelineSpec,
    digest: string,
    actor: string,
  ): Promise<{ readonly version: number; readonly changed: boolean }>;
  promote(pipeline: string, model: number, actor: string): Promise<void>;
  rollBack(pipeline: string, model: number | null, reason: string, actor: string): Promise<void>;
}

export interface MonitoringDoor {
  /** Answers the request's id. */
  requestRetrain(pipeline: string, actor: string): Promise<string>;
}

export interface AuditReport {
  readonly events: number;
  readonly violations: readonly { readonly invariant: string; readonly message: string }[];
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

/** What stands behind the console's door; apps/platform puts it together. */
export interface ConsoleDeps {
  readonly ports: Ports;
  readonly view: ConsoleView;
  readonly registry: RegistryDoor;
  readonly monitoring: MonitoringDoor;
  readonly audit: () => Promise<AuditReport>;
  /** Reads a pipeline file; `file` is the name that errors show. Throws InvalidPipelineError. */
  readonly parse: (text: string, file: string) => { readonly spec: PipelineSpec; readonly digest: string };
  readonly replay?: ReplayDoor;
  /** Writes a data file of this machine to a stream of the pipeline; written twice it is taken once. */
  readonly ingest?: (pipeline: string, file: string, stream: string) => Promise<IngestAnswer>;
  /** Version of the product. */
  readonly version: string;
}
