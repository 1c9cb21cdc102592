import type { Call } from './route.js';

/** The schema of a query's `limit`. */
export const limitOf = (most: number, standard: number) =>
  ({
    type: 'integer',
    minimum: 1,
    maximum: most,
    default: standard,
    description: `How many at most; ${standard} by default.`,
  }) as const;

type Query = Call['query'];

export function numberIn(query: Query, name: string, standard: number): number {
  const value = query[name];
  return typeof value === 'number' ? value : standard;
}

export function textIn(query: Query, name: string): string | undefined {
  const value = query[name];
  return value === undefined || value === '' ? undefined : String(value);
}
