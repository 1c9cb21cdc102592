import type { ErrorCode } from '@relearn/kernel';

/** What SQLite stores in a column; blobs come back as ArrayBuffer. */
export type SqlValue = string | number | null | Uint8Array | ArrayBuffer;

export interface SqlStatement {
  /** Rows come as arrays of columns from then on. */
  raw(): SqlStatement;
  run(parameters: readonly SqlValue[]): { readonly changes: number };
  get(parameters: readonly SqlValue[]): unknown;
  all(parameters: readonly SqlValue[]): unknown[];
}

/** The part of the database that operations use, inside the worker thread only. */
export interface Sql {
  exec(statements: string): void;
  prepare(statement: string): SqlStatement;
}

/**
 * Operations by name. Each runs in the worker, synchronously, inside a transaction that it may share with others;
 * what one of them wrote is undone when it throws. Inputs and outputs are copied between threads (structured clone).
 */
export type OperationTable<O> = { readonly [K in keyof O]: (input: never) => unknown };

/** What a module of operations exports: called once, in the worker, inside a transaction. */
export type OpenOperations<O extends OperationTable<O>> = (sql: Sql) => O;

type Input<F> = F extends (input: infer I) => unknown ? I : never;
type Output<F> = F extends (input: never) => infer R ? R : never;

/** The main thread's side of one module of operations. */
export interface Room<O extends OperationTable<O>> {
  /** Resolves when the transaction that holds the operation is on disk. What of the input is `moved` is the caller's no more. */
  call<K extends keyof O & string>(
    operation: K,
    input: Input<O[K]>,
    moved?: readonly ArrayBuffer[],
  ): Promise<Output<O[K]>>;
}

export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}

export interface WireCall {
  readonly id: number;
  readonly room: string;
  readonly operation: string;
  readonly input: unknown;
}

export type ToWorker =
  | { readonly kind: 'calls'; readonly calls: readonly WireCall[] }
  | { readonly kind: 'use'; readonly id: number; readonly room: string; readonly module: string }
  | { readonly kind: 'close' };

export interface WireResult {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: WireError;
}

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly error: WireError }
  | { readonly kind: 'results'; readonly results: readonly WireResult[] }
  | { readonly kind: 'closed'; readonly error?: WireError };

export interface WorkerSettings {
  readonly folder: string;
  readonly durable: boolean;
}
