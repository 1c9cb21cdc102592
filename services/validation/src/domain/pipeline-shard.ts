import {
  clockStream,
  labelStream,
  type RecordBatch,
  type RecordRef,
  type RowAddress,
  recordsOf,
  type Section,
  valuesOf,
} from '@relearn/contracts';
import { selectRecords } from './batch-slice.js';
import type { Reason } from './column-check.js';
import { type Contract, judgeSection, type SectionVerdict } from './contract.js';
import type { IdSet } from './id-set.js';
import {
  countNulls,
  countRecord,
  type Verdict,
  type WindowCounts,
  type WindowReport,
  type WindowRules,
  Windows,
  type WindowsState,
} from './windows.js';

/** Records of `data.raw` so far; `received` is the sum of the next three. `markers` says how many of the valid were of the clock. */
export interface Counts {
  received: number;
  validated: number;
  quarantined: number;
  duplicates: number;
  markers: number;
}

/** What a pipeline's shard keeps beside its ids. */
export interface ShardState {
  readonly counts: Counts;
  readonly windows: WindowsState;
  /** Whether the last window judged broke an expectation. */
  failing: boolean;
  /** Numbers of the events emitted so far, by topic. */
  reported: number;
  controlled: number;
}

export function emptyState(): ShardState {
  return {
    counts: { received: 0, validated: 0, quarantined: 0, duplicates: 0, markers: 0 },
    windows: { watermark: null, closed: null, open: [] },
    failing: false,
    reported: 0,
    controlled: 0,
  };
}

/** What judges records: a pipeline version's contract and windows. */
export interface Rules {
  readonly contract: Contract;
  readonly windows: WindowRules;
}

export interface Quarantined {
  at: RowAddress;
  id: string;
  stream: string;
  time: number;
  reasons: Reason[];
  values: ReturnType<typeof valuesOf>;
}

export interface QualityChange {
  readonly number: number;
  readonly report: WindowReport;
  readonly failed: boolean;
}

export interface Judged {
  /** The valid records with the addresses of their input records. */
  readonly valid: RecordBatch;
  readonly quarantined: Quarantined[];
  readonly duplicates: number;
  readonly reports: { readonly number: number; readonly report: WindowReport }[];
  /** Where expectations began or ceased to be broken. */
  readonly changes: QualityChange[];
}

/**
 * Judges the records of one pipeline in one shard. A record whose id a valid record of its stream had before is a
 * duplicate, whatever it holds; only a valid record takes its id, so that a corrected one can follow a quarantined one.
 */
export class PipelineShard {
  readonly state: ShardState;
  readonly ids: IdSet;
  private readonly windows: Windows;

  constructor(ids: IdSet, state: ShardState) {
    this.ids = ids;
    this.state = state;
    this.windows = new Windows(state.windows);
  }

  /** Throws INVALID_EVENT for a malformed batch before anything has changed. */
  judge(rules: Rules, batch: RecordBatch, addressOf: (index: number) => RowAddress): Judged {
    const records = [...recordsOf(batch)];
    const verdicts = new Map(batch.sections.map((section) => [section, judgeSection(rules.contract, section)]));
    const results: Verdict[] = new Array<Verdict>(records.length);
    const quarantined: Quarantined[] = [];
    const windows: (WindowCounts | undefined)[] = new Array(records.length);
    for (const record of records) {
      const reasons = verdicts.get(record.section)?.reasons[record.row];
      const verdict = this.verdictOf(record, reasons);
      results[record.index] = verdict;
      if (verdict === 'quarantined') quarantined.push(quarantinedOf(record, reasons ?? [], addressOf(record.index)));
      windows[record.index] = this.count(rules.windows, record, verdict);
    }
    countAllNulls(rules.windows, records, verdicts, results, windows);
    const kept: RecordBatch = {
      order: batch.order,
      sections: batch.sections.map((section) => keptSection(section, verdicts)),
    };
    const keep = results.map((verdict) => verdict === 'valid');
    const valid = selectRecords(
      kept,
      keep,
      records.map((record) => addressOf(record.index)),
    );
    const duplicates = results.length - valid.order.length - quarantined.length;
    return { valid, quarantined, duplicates, ...this.closeWindows(rules.windows) };
  }

  private verdictOf(record: RecordRef, reasons: readonly Reason[] | undefined): Verdict {
    if (record.stream === clockStream) return reasons === undefined ? 'valid' : 'quarantined';
    const id = `${record.stream}\n${record.id}`;
    if (reasons !== undefined) return this.ids.has(id) ? 'duplicates' : 'quarantined';
    return this.ids.add(id) ? 'valid' : 'duplicates';
  }

  private count(rules: WindowRules, record: RecordRef, verdict: Verdict): WindowCounts | undefined {
    const { counts } = this.state;
    const marker = record.stream === clockStream;
    counts.received += 1;
    counts[verdict === 'valid' ? 'validated' : verdict] += 1;
    if (marker && verdict === 'valid') counts.markers += 1;
    if (verdict === 'valid') this.windows.passed(rules, record.time);
    if (marker) return undefined;
    const window = this.windows.at(rules, record.time, verdict === 'valid');
    if (window !== undefined)
      countRecord(window, rules.streams.has(record.stream) ? record.stream : 'unknown', verdict);
    return window;
  }

  private closeWindows(rules: WindowRules): Pick<Judged, 'reports' | 'changes'> {
    const reports: { number: number; report: WindowReport }[] = [];
    const changes: QualityChange[] = [];
    for (const report of this.windows.close(rules)) {
      this.state.reported += 1;
      reports.push({ number: this.state.reported, report });
      const failed = report.breaches.length > 0;
      if (failed === this.state.failing) continue;
      this.state.failing = failed;
      this.state.controlled += 1;
      changes.push({ number: this.state.controlled, report, failed });
    }
    return { reports, changes };
  }
}

function keptSection(section: Section, verdicts: ReadonlyMap<Section, SectionVerdict>): Section {
  return { ...section, columns: verdicts.get(section)?.columns ?? {} };
}

function quarantinedOf(record: RecordRef, reasons: Reason[], at: RowAddress): Quarantined {
  return { at, id: record.id, stream: record.stream, time: record.time, reasons, values: valuesOf(record) };
}

/** Counts nulls by column; duplicates and records of closed windows do not count. */
function countAllNulls(
  rules: WindowRules,
  records: readonly RecordRef[],
  verdicts: ReadonlyMap<Section, SectionVerdict>,
  results: readonly Verdict[],
  windows: readonly (WindowCounts | undefined)[],
): void {
  const groups = new Map<Section, Map<WindowCounts, number[]>>();
  for (const record of records) {
    const window = windows[record.index];
    if (window === undefined || results[record.index] === 'duplicates' || record.stream === labelStream) continue;
    let byWindow = groups.get(record.section);
    if (byWindow === undefined) groups.set(record.section, (byWindow = new Map()));
    const rows = byWindow.get(window);
    if (rows === undefined) byWindow.set(window, [record.row]);
    else rows.push(record.row);
  }
  for (const [section, byWindow] of groups) {
    for (const column of rules.columns.get(section.stream) ?? []) {
      const cells = verdicts.get(section)?.columns[column];
      for (const [window, rows] of byWindow) {
        let nulls = 0;
        for (const row of rows) if ((cells?.[row] ?? null) === null) nulls += 1;
        countNulls(window, column, rows.length, nulls);
      }
    }
  }
}
