/** A unit of long work for a worker thread: a module of dist that exports `run(input, context)`. */
export interface WorkOrder {
  /** URL of the compiled module. */
  readonly module: string;
  readonly input: unknown;
  readonly onProgress?: (progress: unknown) => void;
  readonly signal?: AbortSignal;
}

/** Worker jobs as a port: the running process has threads, a simulation has none. */
export interface Workers {
  run(order: WorkOrder): Promise<unknown>;
  stop(): Promise<void>;
}
