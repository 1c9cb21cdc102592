import type { ModelSignature, TensorBytes } from './tensors.js';

export interface RunOrder {
  readonly session: number;
  /** In the order of the model's inputs; a tensor's bytes in one piece a request. */
  readonly inputs: readonly { readonly shape: readonly number[]; readonly pieces: readonly Uint8Array[] }[];
  /** What the log tells as so many rows. */
  readonly rows: number;
  readonly outputs: readonly number[];
  /** Indices of the inputs of which each row's digest is wanted. */
  readonly digested: readonly number[];
}

export interface RunResult {
  readonly outputs: readonly TensorBytes[];
  /** By input, of each of its rows, where they were wanted and made; else whoever wants them makes them. */
  readonly digests?: readonly (readonly string[] | undefined)[] | undefined;
  readonly computeMs: number;
  /** What making the outputs and digests ready took; absent: nothing. */
  readonly outputMs?: number;
  /** How long it waited for the run before it on its thread; absent: not at all. */
  readonly waitedMs?: number;
}

export interface SessionEvents {
  /** A slot for a run has become free. */
  readonly onFree: () => void;
  /** A session is lost for good: what held it died, and it could not be loaded again. */
  readonly onLost: (session: number, reason: string) => void;
  /** Something failed that others make good; somebody should know. */
  readonly onTrouble: (message: string) => void;
}

/** Where models are loaded and run, as a port: the running process has threads for it, a simulation has none. */
export interface Sessions {
  start(): void;
  /** Is there a slot for a run now? */
  readonly free: boolean;
  /** Would one that is busy take its next run already? */
  readonly takesNext: boolean;
  /** Throws CORRUPT where the bytes' SHA-256 is another, INVALID_INPUT with the runtime's reason. */
  load(session: number, onnx: Uint8Array, digest: string): Promise<ModelSignature>;
  /** Frees the session. Nothing may run on it any more. */
  release(session: number): Promise<void>;
  /** Runs now, or next: call only when `free` or `takesNext`. Throws INTERNAL with the runtime's reason, UNAVAILABLE when it died meanwhile. */
  run(order: RunOrder): Promise<RunResult>;
  stop(): Promise<void>;
}

export type OpenSessions = (events: SessionEvents) => Sessions;
