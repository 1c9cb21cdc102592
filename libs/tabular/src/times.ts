import { parseTimestamp } from '@relearn/kernel';
import type { Cell, TableFile } from './table.js';

/** The times of one column, ms. */
export interface TimesOfColumn {
  /** Rows that hold a time. */
  readonly count: number;
  /** Rows that hold something else. */
  readonly unreadable: number;
  readonly min: number | null;
  readonly max: number | null;
  /** What 98 % of the times lie within, widened to what all would span: a few wild ones do not move it. */
  readonly span: number;
}

export interface TimesProfile {
  readonly time: TimesOfColumn;
  readonly known?: TimesOfColumn;
  /** How long after a row's time what is known later is known, ms: of 99 % of the rows that have both, and of all. */
  readonly delay?: { readonly p99: number; readonly max: number };
}

/** Reads the columns of a row's time and, where there is one, of when its label is known. A column that is not there holds nothing. */
export async function profileTimes(file: TableFile, time: string, known?: string): Promise<TimesProfile> {
  const times = new TimesReader();
  const knowns = new TimesReader();
  const delays: number[] = [];
  for await (const { rows, columns } of file.chunks()) {
    for (let row = 0; row < rows; row++) {
      const at = times.take(columns[time]?.[row] ?? null);
      if (known === undefined) continue;
      const then = knowns.take(columns[known]?.[row] ?? null);
      if (at !== null && then !== null) delays.push(Math.max(0, then - at));
    }
  }
  if (known === undefined) return { time: times.profile() };
  const sorted = Float64Array.from(delays).sort();
  const [p99, max] = [sorted[Math.ceil(sorted.length * 0.99) - 1], sorted.at(-1)];
  const delay = p99 === undefined || max === undefined ? {} : { delay: { p99, max } };
  return { time: times.profile(), known: knowns.profile(), ...delay };
}

class TimesReader {
  private readonly times: number[] = [];
  private unreadable = 0;

  take(cell: Cell): number | null {
    if (cell === null) return null;
    const time = typeof cell === 'string' ? parseTimestamp(cell) : null;
    if (time === null) this.unreadable += 1;
    else this.times.push(time);
    return time;
  }

  profile(): TimesOfColumn {
    const sorted = Float64Array.from(this.times).sort();
    const last = sorted.length - 1;
    const cut = Math.ceil(last / 100);
    const kept = last <= 0 ? 1 : (last - 2 * cut) / last;
    const inner = kept > 0 ? ((sorted[last - cut] ?? 0) - (sorted[cut] ?? 0)) / kept : Number.POSITIVE_INFINITY;
    const all = (sorted[last] ?? 0) - (sorted[0] ?? 0);
    const span = last <= 0 ? 0 : Math.min(all, inner > 0 ? inner : all);
    const { unreadable } = this;
    return { count: sorted.length, unreadable, min: sorted[0] ?? null, max: sorted[last] ?? null, span };
  }
}
