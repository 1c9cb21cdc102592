import { RelearnError } from '@relearn/kernel';

/** How the report groups rows: by calendar months, by a span of time, or by a count of rows. */
export type WindowRule =
  | { readonly kind: 'months'; readonly count: number }
  | { readonly kind: 'span'; readonly ms: number }
  | { readonly kind: 'rows'; readonly count: number };

const spanMs: Readonly<Record<string, number>> = { w: 604_800_000, d: 86_400_000, h: 3_600_000 };

/** `1mo`, `1w`, `1d`, `6h` or `5000rows`. Throws INVALID_INPUT. */
export function parseWindow(text: string): WindowRule {
  const match = /^([1-9]\d*)(mo|w|d|h|rows)$/.exec(text);
  const count = Number(match?.[1]);
  const unit = match?.[2];
  if (unit === 'mo') return { kind: 'months', count };
  if (unit === 'rows') return { kind: 'rows', count };
  const span = spanMs[unit ?? ''];
  if (span !== undefined) return { kind: 'span', ms: count * span };
  throw new RelearnError('INVALID_INPUT', `--window ${text} is no window`, {
    remedy: 'Write it like 1mo, 1w, 1d or 5000rows.',
  });
}

export interface ReportRange {
  /** Inclusive, ms. */
  readonly start: number;
  /** Exclusive, ms. */
  readonly end: number;
  /** Rows [from, to) of those in order of event time. */
  readonly from: number;
  readonly to: number;
}

/** The windows that cover the ascending event times, without gaps. Weeks begin on Monday, UTC. */
export function rangesOf(rule: WindowRule, times: ArrayLike<number>): ReportRange[] {
  const ranges: ReportRange[] = [];
  let from = 0;
  let start = times.length === 0 ? Number.POSITIVE_INFINITY : startOf(rule, times[0] ?? 0);
  while (from < times.length) {
    const to =
      rule.kind === 'rows'
        ? Math.min(times.length, from + rule.count)
        : firstAtOrAfter(times, from, endOf(rule, start));
    const end = rule.kind === 'rows' ? (times[to] ?? (times[to - 1] ?? 0) + 1) : endOf(rule, start);
    ranges.push({ start, end, from, to });
    start = end;
    from = to;
  }
  return ranges;
}

function firstAtOrAfter(times: ArrayLike<number>, from: number, end: number): number {
  let to = from;
  while (to < times.length && (times[to] ?? 0) < end) to += 1;
  return to;
}

/** 1970-01-05 was a Monday. */
const firstMonday = 4 * 86_400_000;

function startOf(rule: WindowRule, time: number): number {
  if (rule.kind === 'rows') return time;
  if (rule.kind === 'months') {
    const date = new Date(time);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
  }
  const origin = rule.ms % 604_800_000 === 0 ? firstMonday : 0;
  return Math.floor((time - origin) / rule.ms) * rule.ms + origin;
}

function endOf(rule: WindowRule, start: number): number {
  if (rule.kind === 'span') return start + rule.ms;
  const date = new Date(start);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + (rule.kind === 'months' ? rule.count : 0));
}
