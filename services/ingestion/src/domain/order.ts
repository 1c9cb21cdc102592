import { labelStream, rowStream } from '@relearn/contracts';

/**
 * Rank of records that become known at the same time: context, labels of earlier rows, rows, and then labels that are
 * known no later than their own row, since a label means nothing before its row and a row must not see itself.
 */
export const ranks = { context: 0, label: 1, row: 2, ownLabel: 3 } as const;

export interface Ordered {
  readonly knownAt: number;
  readonly rank: number;
  readonly stream: string;
  readonly id: string;
}

/** The total order of recorded data: when a record became known, its rank, stream, id. */
export function compareRecorded(a: Ordered, b: Ordered): number {
  if (a.knownAt !== b.knownAt) return a.knownAt - b.knownAt;
  if (a.rank !== b.rank) return a.rank - b.rank;
  if (a.stream !== b.stream) return a.stream < b.stream ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

export function rankOf(stream: string): number {
  return stream === labelStream ? ranks.label : stream === rowStream ? ranks.row : ranks.context;
}

/** When a label takes its place: never before its row. */
export function labelPlace(rowTime: number, knownAt: number): { knownAt: number; rank: number } {
  return knownAt <= rowTime ? { knownAt: rowTime, rank: ranks.ownLabel } : { knownAt, rank: ranks.label };
}
