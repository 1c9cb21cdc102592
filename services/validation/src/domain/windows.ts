import { labelStream, type PipelineSpec, rowStream } from '@relearn/contracts';

export interface Breach {
  readonly check: string;
  readonly message: string;
  readonly actual: number | null;
}

export interface StreamCounts {
  valid: number;
  quarantined: number;
  duplicates: number;
}

/** What came in one span of event time. */
export interface WindowCounts {
  readonly start: number;
  readonly end: number;
  readonly streams: Record<string, StreamCounts>;
  /** By column: records that are no duplicates, and those of them in which it is null. */
  readonly nulls: Record<string, { of: number; null: number }>;
}

export interface WindowReport {
  readonly start: number;
  readonly end: number;
  readonly rows: number;
  readonly valid: number;
  readonly quarantined: number;
  readonly duplicates: number;
  readonly nullShare: Record<string, number>;
  readonly breaches: Breach[];
}

export interface WindowsState {
  /** Greatest event time of a valid record, less the lateness; null before the first. */
  watermark: number | null;
  /** Event time below which every window is closed; null before the first is. */
  closed: number | null;
  open: WindowCounts[];
}

export type Verdict = 'valid' | 'quarantined' | 'duplicates';

/** How the pipeline's windows are cut and judged. */
export interface WindowRules {
  readonly every: number;
  readonly lateness: number;
  readonly expected: PipelineSpec['schema']['window'];
  /** Streams that are counted by name; records of all others are counted together. */
  readonly streams: ReadonlySet<string>;
  /** Columns whose null share is counted, by stream. */
  readonly columns: ReadonlyMap<string, readonly string[]>;
  /** A shard sees only its part of the rows: their number is judged where there is one shard. */
  readonly judgeRows: boolean;
}

export function windowRules(spec: PipelineSpec, shards: number): WindowRules {
  const rows = Object.entries(spec.schema.columns)
    .filter(([, column]) => column.known_at !== 'label')
    .map(([name]) => name);
  const own = new Set(rows);
  const columns = new Map([[rowStream, rows]]);
  for (const stream of Object.keys(spec.source.context)) {
    const names = Object.keys(spec.schema.context[stream] ?? {});
    // A name that rows have too means the rows' column.
    columns.set(
      stream,
      names.filter((name) => !own.has(name)),
    );
  }
  const { window } = spec.schema;
  const { lateness } = spec.source;
  const streams = new Set([...columns.keys(), labelStream]);
  return { every: window.every, lateness, expected: window, streams, columns, judgeRows: shards === 1 };
}

/** Open windows at most that records other than valid ones can make: their times may be anything. */
const mostOpenWindows = 1024;

/** Counts records in windows of event time and judges a window when the watermark has passed its end. */
export class Windows {
  readonly state: WindowsState;
  private last: WindowCounts | undefined;

  constructor(state: WindowsState = { watermark: null, closed: null, open: [] }) {
    this.state = state;
  }

  /** The window of the event time; undefined when it is closed already. */
  at(rules: WindowRules, time: number, valid: boolean): WindowCounts | undefined {
    const { state, last } = this;
    const start = Math.floor(time / rules.every) * rules.every;
    const end = start + rules.every;
    if (last !== undefined && last.start === start && last.end === end) return last;
    let window = state.open.find((open) => open.start === start && open.end === end);
    if (window === undefined) {
      if (state.closed !== null && end <= state.closed) return undefined;
      if (!valid && state.open.length >= mostOpenWindows) return undefined;
      window = { start, end, streams: {}, nulls: {} };
      state.open.push(window);
    }
    this.last = window;
    return window;
  }

  /** Moves the watermark: for valid records and markers only, so that a bad time closes nothing. */
  passed(rules: WindowRules, time: number): void {
    const watermark = time - rules.lateness;
    if (this.state.watermark === null || watermark > this.state.watermark) this.state.watermark = watermark;
  }

  /**
   * Takes out the windows that the watermark has passed, in order, each with its report. Of several empty windows in
   * a row only the first is reported, and only where a least number of rows is expected.
   */
  close(rules: WindowRules): WindowReport[] {
    const { state } = this;
    const { watermark } = state;
    if (watermark === null) return [];
    this.last = undefined;
    const done = state.open
      .filter((window) => window.end <= watermark)
      .sort((a, b) => a.end - b.end || a.start - b.start);
    const reports: WindowReport[] = [];
    for (const window of done) {
      reports.push(...this.gap(rules, window.start));
      reports.push(reportOf(rules, window, state.closed !== null));
      state.closed = Math.max(window.end, state.closed ?? window.end);
    }
    if (done.length > 0) state.open = state.open.filter((window) => window.end > watermark);
    const passed = Math.floor(watermark / rules.every) * rules.every;
    const before = Math.min(passed, ...state.open.map((window) => window.start));
    reports.push(...this.gap(rules, before));
    return reports;
  }

  /** The windows without a record between the last closed one and `until`. */
  private gap(rules: WindowRules, until: number): WindowReport[] {
    const { closed } = this.state;
    if (closed === null || until - closed < rules.every) return [];
    this.state.closed = until;
    if (!rules.judgeRows || (rules.expected.rows?.[0] ?? 0) <= 0) return [];
    const empty = { start: closed, end: closed + rules.every, streams: {}, nulls: {} };
    return [reportOf(rules, empty, true)];
  }
}

export function countRecord(window: WindowCounts, stream: string, verdict: Verdict): void {
  window.streams[stream] ??= { valid: 0, quarantined: 0, duplicates: 0 };
  window.streams[stream][verdict] += 1;
}

export function countNulls(window: WindowCounts, column: string, of: number, nulls: number): void {
  // A column may have a name that every object has, such as constructor.
  const counts = Object.hasOwn(window.nulls, column) ? window.nulls[column] : undefined;
  window.nulls[column] = { of: (counts?.of ?? 0) + of, null: (counts?.null ?? 0) + nulls };
}

/** `whole`: not the first window of all, in which the pipeline may have begun late. */
function reportOf(rules: WindowRules, window: WindowCounts, whole: boolean): WindowReport {
  const { valid, quarantined, duplicates } = window.streams[rowStream] ?? { valid: 0, quarantined: 0, duplicates: 0 };
  const nullShare = Object.fromEntries(
    Object.entries(window.nulls)
      .filter(([, { of }]) => of > 0)
      .map(([column, { of, null: nulls }]) => [column, nulls / of]),
  );
  const rows = valid + quarantined + duplicates;
  const breaches = [
    ...(rules.judgeRows ? rowBreaches(rules, valid + quarantined, whole) : []),
    ...nullBreaches(rules, nullShare),
    ...quarantineBreaches(rules, window),
  ];
  return { start: window.start, end: window.end, rows, valid, quarantined, duplicates, nullShare, breaches };
}

function rowBreaches({ expected }: WindowRules, rows: number, whole: boolean): Breach[] {
  const [least, greatest] = expected.rows ?? [null, null];
  if (least !== null && whole && rows < least) {
    return [{ check: 'rows', message: `${rows} rows, at least ${least} expected`, actual: rows }];
  }
  if (greatest !== null && rows > greatest) {
    return [{ check: 'rows', message: `${rows} rows, at most ${greatest} expected`, actual: rows }];
  }
  return [];
}

function nullBreaches({ expected }: WindowRules, nullShare: Readonly<Record<string, number>>): Breach[] {
  return Object.entries(expected.null_share).flatMap(([column, most]) => {
    const actual = nullShare[column];
    if (actual === undefined || actual <= most) return [];
    return [
      { check: `null_share:${column}`, message: `${percent(actual)} null, at most ${percent(most)} expected`, actual },
    ];
  });
}

function quarantineBreaches({ expected }: WindowRules, window: WindowCounts): Breach[] {
  const most = expected.quarantine_share;
  return Object.entries(window.streams).flatMap(([stream, { valid, quarantined }]) => {
    const actual = quarantined / Math.max(1, valid + quarantined);
    if (actual <= most) return [];
    const check = stream === rowStream ? 'quarantine_share' : `quarantine_share:${stream}`;
    return [{ check, message: `${percent(actual)} quarantined, at most ${percent(most)} expected`, actual }];
  });
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
