import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  dataQualityFailed,
  dataQualityRecovered,
  deadLettered,
  deadLetterReplayRequested,
  driftDetected,
  encodeEvent,
  modelPinned,
  modelRolledBack,
  pipelineEnded,
  rolloutEnded,
  windowProfiled,
} from '@relearn/contracts';
import type { Ports } from '@relearn/runtime';
import { ConsoleView } from '@relearn/console';
import { windowsKept } from '../src/read-model/windows.js';
import { qualityData } from '../src/page/quality-data.js';
import { day, memoryPorts, Story } from './story.js';
import { tellWindow } from './year.js';

const start = Date.UTC(2024, 0, 1);
let ports: Ports;
let view: ConsoleView;
let story: Story;

beforeEach(async () => {
  ports = await memoryPorts();
  view = new ConsoleView(ports);
  story = new Story(ports, 'flights');
});
afterEach(() => view.stop());

/** Starts the view and waits until it has folded all that was said so far. */
async function folded(): Promise<void> {
  const marker = new Story(ports, 'marker');
  await view.start();
  await settled(async () => {
    await marker.say(
      pipelineEnded,
      { turn: null, request: 'x', requestReason: 'first', outcome: 'failed', detail: '' },
      { time: start },
    );
  });
}

async function settled(say: () => Promise<void>): Promise<void> {
  await say();
  for (let calm = 0; calm < 20; calm++) await ports.kernel.clock.breathe();
}

describe('the read model', () => {
  it('knows no pipeline before one is applied', async () => {
    await folded();
    expect(view.list()).toEqual([]);
    expect(() => view.pipeline('flights')).toThrow('no pipeline');
  });

  it('shows a turn from its request to its promotion', async () => {
    await story.apply(start);
    await story.request(1, 'first', start);
    await story.turn(1, start, 'first', 'passed');
    await folded();
    const [turn] = view.pipeline('flights').turns.list();
    expect(turn).toMatchObject({
      turn: 'flights-1',
      reason: 'first',
      outcome: 'promoted',
      verdict: 'passed',
      model: 1,
      winner: 'boosting 31',
    });
    expect(turn?.gates.map((gate) => gate.name)).toEqual(['minimum roc_auc', 'beats a constant in roc_auc']);
    expect(turn?.candidates).toHaveLength(3);
    expect(Object.keys(turn?.stages ?? {})).toEqual([
      'requested',
      'started',
      'snapshotted',
      'training',
      'trained',
      'evaluated',
      'ended',
    ]);
    expect(view.list()[0]).toMatchObject({ name: 'flights', champion: 1, frozen: 1, turn: null });
  });

  it('says what the running turn is at and who works on it', async () => {
    await story.apply(start);
    await story.request(1, 'first', start);
    await story.turn(1, start, 'first', 'training');
    await folded();
    const state = await view.state('flights');
    expect(state.turn).toMatchObject({ id: 'flights-1', stage: 'training' });
    expect(state.stages.filter((stage) => stage.state === 'working').map((stage) => stage.name)).toEqual(['training']);
  });

  it('shows a model that is tried beside the champion, step by step, and a pin', async () => {
    await story.apply(start);
    await story.request(1, 'first', start);
    await story.turn(1, start, 'first', 'passed');
    await story.canary(2, start + day);
    await folded();
    const expected = { model: 2, strategy: 'canary', step: 1, steps: 2, share: 0.5, each: 100, requests: 27, rows: 6 };
    expect(view.list()[0]).toMatchObject({ rollout: expected, pinned: false });
    await settled(async () => {
      const ids = { turn: 'flights-2', request: 'flights-r2', model: 2 };
      await story.say(rolloutEnded, { ...ids, outcome: 'superseded', reasons: [] }, { time: start + 3 * day });
      await story.say(modelPinned, { model: 1, reason: 'holidays' }, { time: start + 3 * day });
    });
    expect(view.list()[0]).toMatchObject({ rollout: null, pinned: true });
  });

  it('keeps the champion when a candidate does not pass', async () => {
    await story.apply(start);
    for (const [n, verdict] of [
      [1, 'passed'],
      [2, 'inconclusive'],
      [3, 'rejected'],
    ] as const) {
      await story.request(n, n === 1 ? 'first' : 'performance', start + n * day);
      await story.turn(n, start + n * day, 'performance', verdict);
    }
    await folded();
    const models = view.pipeline('flights').models.list();
    expect(models.map(({ model, champion, frozen, verdict }) => [model, champion, frozen, verdict])).toEqual([
      [1, true, true, 'passed'],
      [2, false, false, 'inconclusive'],
      [3, false, false, 'rejected'],
    ]);
    expect((await view.state('flights')).stages.find((stage) => stage.name === 'evaluation')?.counts).toEqual({
      passed: 1,
      rejected: 1,
      inconclusive: 1,
    });
  });

  it('follows the champion back in a rollback and remembers every takeover', async () => {
    await story.apply(start);
    for (const n of [1, 2]) {
      await story.request(n, 'volume', start + n * day);
      await story.turn(n, start + n * day, 'volume', 'passed');
    }
    const place = {
      model: 1,
      bundle: 'b1',
      reference: 'r',
      from: { model: 2, bundle: 'b2' },
      frozen: { model: 1, bundle: 'b1' },
    };
    const evidence = { kind: 'promotion' as const, event: 'e' };
    await story.say(modelRolledBack, { ...place, evidence, reason: 'complaints' }, { time: start + 9 * day });
    await folded();
    const { models } = view.pipeline('flights');
    expect(models.champion).toBe(1);
    expect(models.takeovers().map(({ model, at }) => [model, (at.business - start) / day])).toEqual([
      [1, 1],
      [2, 2],
      [1, 9],
    ]);
  });

  it('counts an event once, however often the log has it', async () => {
    await story.apply(start);
    const said = { time: start, source: 'monitoring/flights/0/monitoring', sequence: 7, previous: null };
    const data = {
      start,
      end: start + day,
      part: 'inputs' as const,
      shard: 0,
      rows: 10,
      predictions: 9,
      labelled: 0,
      labelledTotal: 0,
      read: 1,
      models: [],
    };
    for (let copy = 0; copy < 3; copy++) await story.say(windowProfiled, data, said);
    await folded();
    expect(view.pipeline('flights').windows.list()).toMatchObject([{ rows: 10, predictions: 9 }]);
  });

  it('adds the shards of a window', async () => {
    await story.apply(start);
    for (const shard of [0, 1]) {
      const data = {
        start,
        end: start + day,
        part: 'inputs' as const,
        shard,
        rows: 10 + shard,
        predictions: 9,
        labelled: 0,
        labelledTotal: 0,
        read: 1,
        models: [],
      };
      await story.say(windowProfiled, data, { time: start, source: `monitoring/flights/${shard}/monitoring` });
    }
    await folded();
    expect(view.pipeline('flights').windows.list()).toMatchObject([{ rows: 21, predictions: 18 }]);
    expect((await view.state('flights')).stages.find((stage) => stage.name === 'monitoring')?.counts['windows']).toBe(
      1,
    );
  });

  it('stops at a gap and says so', async () => {
    await story.apply(start);
    const source = 'monitoring/flights/flights/monitoring';
    await story.say(driftDetected, { kind: 'drift', causes: [] }, { time: start, source, sequence: 1, previous: null });
    await story.say(driftDetected, { kind: 'drift', causes: [] }, { time: start, source, sequence: 5, previous: 4 });
    await folded();
    expect((await view.state('flights')).alarms.map((alarm) => alarm.kind).sort()).toEqual(['drift', 'gap']);
  });

  it('shows failing shards until they recover', async () => {
    await story.apply(start);
    const window = { start, end: start + day, shard: 2 };
    await story.say(
      dataQualityFailed,
      { ...window, breaches: [{ check: 'rows', message: 'too few rows', actual: 1 }] },
      { time: start },
    );
    await folded();
    expect(await view.state('flights')).toMatchObject({
      failingShards: [2],
      alarms: [{ kind: 'data-quality', message: 'too few rows' }],
    });
    await settled(async () => void (await story.say(dataQualityRecovered, window, { time: start })));
    expect((await view.state('flights')).failingShards).toEqual([]);
  });

  it('leaves an event out that does not fit its schema', async () => {
    await story.apply(start);
    const broken = {
      id: 'b',
      source: 's',
      type: pipelineEnded.type,
      sequence: 1,
      previous: null,
      time: 'x',
      pipeline: 'flights',
      pipelineversion: 1,
      data: { turn: 3 },
    };
    await ports.bus.publish([{ topic: 'control', partition: story.partition, key: 'flights', ...encodeEvent(broken) }]);
    await story.request(1, 'first', start);
    await folded();
    expect(view.pipeline('flights').turns.list()).toHaveLength(1);
  });

  it('keeps no more windows than its bound', async () => {
    await story.apply(start);
    for (let index = 0; index < windowsKept + 30; index++) {
      await tellWindow(story, index, start + index * day, { model: 1, gain: 0 }, () => 0.5);
    }
    await folded();
    await settled(async () => {
      while (view.pipeline('flights').windows.closed < windowsKept + 30) await ports.kernel.clock.breathe();
    });
    const windows = view.pipeline('flights').windows.list();
    expect(windows).toHaveLength(windowsKept);
    expect(windows[0]?.start).toBe(start + 30 * day);
  });
});

describe('the conservation sum', () => {
  const records = (count: number, position: string) => ({
    topic: 'data.raw',
    partition: story.partition,
    key: 'flights',
    headers: { ce_pipeline: 'flights', ce_records: String(count), ce_id: position },
    value: new Uint8Array(),
  });

  it('adds up to what was received, with what waits and what was put aside', async () => {
    await story.apply(start);
    await ports.bus.publish([records(100, 'a'), records(40, 'b'), records(7, 'c')]);
    await story.checkpoint(
      'validation',
      { received: 100, validated: 90, quarantined: 6, duplicates: 4 },
      { 'data.raw': 1 },
    );
    const letter = {
      consumer: 'validation',
      topic: 'data.raw' as const,
      partition: 0,
      position: 9,
      key: null,
      headers: {},
      value: '',
      records: 12,
      fromRow: 0,
      code: 'INVALID_EVENT',
      message: 'x',
    };
    const id = await story.say(deadLettered, letter, { time: start });
    await folded();
    const { conservation, stages } = await view.state('flights');
    expect(conservation).toEqual({
      received: 159,
      validated: 90,
      quarantined: 6,
      duplicates: 4,
      deadLettered: 12,
      pending: 47,
      difference: 0,
      atLeast: false,
    });
    expect(stages.find((stage) => stage.name === 'ingestion')?.counts).toEqual({ received: 159 });
    await story.say(deadLetterReplayRequested, { letters: [{ id, position: 0 }] }, { time: start });
    await folded();
    expect((await view.state('flights')).conservation).toMatchObject({ received: 147, deadLettered: 0 });
  });

  it('says what is missing', async () => {
    await story.apply(start);
    await story.checkpoint('validation', { received: 100, validated: 90, quarantined: 6, duplicates: 0 });
    await folded();
    expect((await view.state('flights')).conservation.difference).toBe(4);
  });

  it('counts only its own pipeline', async () => {
    await story.apply(start);
    const other = new Story(ports, 'flights');
    await ports.bus.publish([{ ...records(5, 'a'), headers: { ce_pipeline: 'other', ce_records: '5' } }]);
    await other.checkpoint('validation', { received: 0, validated: 0, quarantined: 0, duplicates: 0 });
    await folded();
    expect((await view.state('flights')).conservation).toMatchObject({ received: 0, pending: 0, atLeast: false });
  });
});

describe('the quality chart', () => {
  it('weights the mean of the last windows by their labels and leaves gaps where nothing was computable', () => {
    const window = (index: number, value: number | null, labelled: number) => ({
      start: start + index * day,
      end: start + (index + 1) * day,
      rows: 0,
      predictions: 0,
      drift: null,
      performance: {
        metric: 'roc_auc',
        model: 1,
        value,
        frozen: null,
        trailing: null,
        reference: 0.8,
        labelled,
        predictions: 1,
        state: 'OK' as const,
      },
    });
    const data = qualityData([window(0, 0.6, 100), window(1, 0.9, 300), window(2, null, 50)], [], 2);
    expect(data.mean.map((value) => value?.toFixed(3) ?? null)).toEqual(['0.600', '0.825', '0.900']);
    expect(data.value).toEqual([0.6, 0.9, null]);
    expect(data.frozenMean).toEqual([null, null, null]);
  });
});
