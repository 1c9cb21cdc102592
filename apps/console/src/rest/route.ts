import type { JsonSchema } from './schemas.js';

/** What a handler gets of a request; its parts have been checked by the route's schemas. */
export interface Call {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | number | undefined>>;
  readonly body: Readonly<Record<string, unknown>>;
  /** The body of a route that takes a file, empty for any other. */
  readonly bytes: Uint8Array;
  /** Who asks, as the header `relearn-actor` says. */
  readonly actor: string;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Below `/api/v1`, parameters in braces. */
  readonly path: string;
  readonly operation: string;
  readonly summary: string;
  readonly query?: Readonly<Record<string, JsonSchema & { readonly description: string }>>;
  readonly body?: JsonSchema;
  /** The body is a file, as `application/octet-stream`, of so many bytes at most. */
  readonly upload?: number;
  readonly status?: number;
  /** Schema of the answer, or that it is the bytes of a file. */
  readonly answer: JsonSchema | 'file';
  /** The answer, or a promise of it. */
  handle(call: Call): unknown;
}

export const apiPrefix = '/api/v1';
