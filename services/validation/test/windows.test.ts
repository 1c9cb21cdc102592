import { BatchBuilder, type PipelineSpec } from '@relearn/contracts';
import { describe, expect, it } from 'vitest';
import { compileContract } from '../src/domain/contract.js';
import { IdSet } from '../src/domain/id-set.js';
import { emptyState, type Judged, PipelineShard } from '../src/domain/pipeline-shard.js';
import { windowRules } from '../src/domain/windows.js';
import { hour, pipelineSpec, start } from './harness.js';

const minute = 60_000;

/** Judges batches of rows and markers one after the other. */
function judge(spec: PipelineSpec, { shards = 1 } = {}) {
  const shard = new PipelineShard(new IdSet(), emptyState());
  const rules = { contract: compileContract(spec), windows: windowRules(spec, shards) };
  let id = 0;
  return {
    shard,
    rows(...rows: { minute: number; distance?: number | null; id?: string }[]): Judged {
      const builder = new BatchBuilder();
      for (const row of rows) {
        const time = start + row.minute * minute;
        const values = { id: 'x', at: new Date(time).toISOString(), place: 'north', distance: row.distance ?? null };
        builder.add('rows', row.id ?? `r${id++}`, time, values);
      }
      return shard.judge(rules, builder.build(), (index) => index);
    },
    clock(atMinute: number): Judged {
      const builder = new BatchBuilder();
      builder.add('$clock', 'c', start + atMinute * minute, {});
      return shard.judge(rules, builder.build(), (index) => index);
    },
  };
}

const checks = ({ reports }: Judged) => reports.map(({ report }) => report.breaches.map(({ check }) => check));

describe('quality windows', () => {
  it('close when the watermark passes their end, and tell what came', () => {
    const pipeline = judge(pipelineSpec());
    const first = pipeline.rows(
      { minute: 1, distance: 5, id: 'a' },
      { minute: 2, id: 'a' },
      { minute: 3, distance: -1 },
    );
    expect(first.reports).toEqual([]);
    const { reports } = pipeline.rows({ minute: 40 }, { minute: 60 });
    expect(reports).toMatchObject([
      {
        number: 1,
        report: { start, end: start + hour, rows: 4, valid: 2, quarantined: 1, duplicates: 1, breaches: [] },
      },
    ]);
    expect(reports[0]?.report.nullShare).toMatchObject({ place: 0, distance: 1 / 3, code: 1 });
  });

  it('are closed by markers of the clock, but not by records that are not valid', () => {
    const pipeline = judge(pipelineSpec());
    pipeline.rows({ minute: 1 });
    expect(pipeline.rows({ minute: 100, distance: -1 }).reports).toEqual([]);
    expect(pipeline.clock(59).reports).toEqual([]);
    expect(pipeline.clock(60).reports).toHaveLength(1);
    expect(pipeline.shard.state.counts).toMatchObject({ received: 4, validated: 3, quarantined: 1, markers: 2 });
  });

  it('wait for the lateness', () => {
    const spec = pipelineSpec();
    const pipeline = judge({ ...spec, source: { ...spec.source, lateness: 10 * minute } });
    pipeline.rows({ minute: 1 });
    expect(pipeline.rows({ minute: 69 }).reports).toEqual([]);
    pipeline.rows({ minute: 2 });
    expect(pipeline.rows({ minute: 70 }).reports).toMatchObject([{ report: { rows: 2 } }]);
  });

  it('fail once when an expectation breaks, and recover once', () => {
    const pipeline = judge(pipelineSpec({ window: { null_share: { distance: 0.2 } } }));
    const shares = [null, null, 1, 1, null].map((distance, window) => pipeline.rows({ minute: window * 60, distance }));
    const end = pipeline.clock(400);
    expect([...shares, end].flatMap(({ changes }) => changes.map(({ number, failed }) => [number, failed]))).toEqual([
      [1, true],
      [2, false],
      [3, true],
    ]);
    expect(checks(end)).toEqual([['null_share:distance']]);
  });

  it('fail when too many records are quarantined', () => {
    const pipeline = judge(pipelineSpec());
    pipeline.rows({ minute: 0 }, { minute: 1, distance: -1 }, { minute: 2, distance: -1 });
    expect(checks(pipeline.clock(60))).toEqual([['quarantine_share']]);
  });

  it('fail when rows stay out, reporting a silence once', () => {
    const pipeline = judge(pipelineSpec({ window: { rows: [2, 3] } }));
    // The first window may have begun before the pipeline.
    expect(checks(pipeline.rows({ minute: 50 }, { minute: 61 }, { minute: 62 }, { minute: 120 }))).toEqual([[], []]);
    expect(checks(pipeline.clock(400))).toEqual([['rows'], ['rows']]);
    expect(checks(pipeline.clock(800))).toEqual([['rows']]);
    const crowd = pipeline.rows(...[801, 802, 803, 804, 850].map((minute) => ({ minute })));
    expect(crowd.reports[0]?.report.breaches).toMatchObject([{ check: 'rows', actual: 4 }]);
  });

  it('do not judge the number of rows where a shard sees only a part of them', () => {
    const pipeline = judge(pipelineSpec({ window: { rows: [100, null] } }), { shards: 4 });
    pipeline.rows({ minute: 0 }, { minute: 60 });
    expect(checks(pipeline.clock(600))).toEqual([[]]);
  });

  it('leave out what comes after they are closed', () => {
    const pipeline = judge(pipelineSpec());
    pipeline.rows({ minute: 1 }, { minute: 60 });
    expect(pipeline.rows({ minute: 2 }).valid.order).toHaveLength(1);
    expect(pipeline.clock(120).reports).toMatchObject([{ report: { start: start + hour, rows: 1 } }]);
  });
});
