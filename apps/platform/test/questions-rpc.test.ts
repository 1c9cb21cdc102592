import {
  BatchBuilder,
  dataValidated,
  type DataOf,
  driftReported,
  modelEvaluated,
  modelRegistered,
  modelTrained,
  performanceReported,
  pipelineApplied,
  pipelineEnded,
  trainingCompleted,
  trainingStarted,
  windowProfiled,
} from '@relearn/contracts';
import { createEvaluation, evaluationService } from '@relearn/evaluation';
import { createFeature, featuresService } from '@relearn/feature';
import { createMonitoring, monitoringService } from '@relearn/monitoring';
import { createTraining, trainingService } from '@relearn/training';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parsePipeline } from '../src/pipeline/parse.js';
import { day, iso, openWorld, pipeline, pipelineFile, start, type World } from './memory-world.js';

let world: World;

beforeEach(async () => {
  world = await openWorld();
  const { spec, digest } = parsePipeline(pipelineFile, 'parcels.yaml');
  await world.given(pipelineApplied, { spec, digest, shards: [world.ports.catalog.controlPartition(pipeline)] });
});

afterEach(() => world.stop());

const ids = { turn: 'parcels-1', request: 'r1' };
const unknown = { code: 'NOT_FOUND' };

describe('relearn.v1.Features', () => {
  it("reads an entity's last row", async () => {
    const { parts, rpc } = createFeature(world.ports);
    world.rpc.add(featuresService, rpc);
    await world.start(parts);
    const builder = new BatchBuilder();
    for (const [id, weight] of [1, 2].entries()) {
      const time = start + id;
      builder.add('rows', `p${id}`, time, { id: `p${id}`, at: iso(time), city: 'Bern', weight }, id);
    }
    await world.given(dataValidated, builder.build());
    const client = world.rpc.client(featuresService);
    expect(await client.getOnline({ pipeline, keys: { city: { text: 'Bern' } } })).toMatchObject({
      status: 'PRESENT',
      eventId: 'p1',
      time: iso(start + 1),
      features: { city: { text: 'Bern' }, weight: { number: 2 } },
    });
    const nobody = await client.getOnline({ pipeline, keys: { city: { text: 'Basel' } } });
    expect(nobody).toMatchObject({ status: 'NOT_FOUND', eventId: '', time: '', features: {} });
    await expect(client.getOnline({ pipeline, keys: {} })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('city'),
    });
    await expect(client.getOnline({ pipeline: 'none', keys: {} })).rejects.toMatchObject(unknown);
  });
});

describe('relearn.v1.Training', () => {
  const shared = { trainer: 'boosting', candidate: 'c', failure: null };
  const good = {
    ...shared,
    name: 'one',
    parameters: { trees: 10, deep: true },
    model: 'm',
    metrics: { auc: 0.7, x: null },
  };
  const bad = { ...shared, name: 'two', parameters: {}, model: null, candidate: null, metrics: {}, failure: 'no rows' };

  it('tells runs as they go on', async () => {
    const client = world.rpc.client(trainingService);
    world.rpc.add(trainingService, createTraining(world.ports).rpc);
    expect(await client.listRuns({ pipeline })).toEqual({ runs: [] });
    const run = 'run/parcels-1';
    await world.given(trainingStarted, { ...ids, run });
    expect(await client.getRun({ pipeline, run })).toMatchObject({ state: 'RUNNING', endedAt: '', winner: '' });
    await world.given(modelTrained, { ...ids, run, candidate: good });
    expect((await client.getRun({ pipeline, run })).candidates).toMatchObject([{ name: 'one' }]);
    const completed = { manifest: 'a', dataHash: 'b', champion: null, candidates: [good, bad], winner: 'one' };
    await world.given(trainingCompleted, { ...ids, run, ...completed }, start + day);
    await world.given(trainingStarted, { turn: 'parcels-2', request: 'r2', run: 'run/parcels-2' });
    const ended = { requestReason: 'manual', outcome: 'superseded', detail: '' } as const;
    for (const turn of ['parcels-1', 'parcels-2']) await world.given(pipelineEnded, { ...ended, turn, request: turn });
    const { runs } = await client.listRuns({ pipeline });
    expect(runs).toMatchObject([
      { run: 'run/parcels-2', state: 'CANCELLED' },
      { run, state: 'COMPLETED', endedAt: iso(start + day), winner: 'one', manifest: 'a', dataHash: 'b' },
    ]);
    expect(runs[1]?.candidates).toMatchObject([
      { parameters: { trees: { number: 10 }, deep: { boolean: true } }, metrics: { auc: 0.7 }, failure: '' },
      { model: '', failure: 'no rows' },
    ]);
    expect((await client.listRuns({ pipeline, limit: 1 })).runs).toEqual(runs.slice(0, 1));
    await expect(client.getRun({ pipeline, run: 'run/parcels-3' })).rejects.toMatchObject(unknown);
    await expect(client.listRuns({ pipeline: 'none' })).rejects.toMatchObject(unknown);
  });
});

describe('relearn.v1.Evaluation', () => {
  const report: DataOf<typeof modelEvaluated> = {
    ...ids,
    verdict: 'rejected',
    bundle: 'b1',
    reference: 'f1',
    champion: null,
    gates: [
      { name: 'roc_auc', verdict: 'rejected', value: 0.5, threshold: 0.6, detail: 'below its minimum' },
      { name: 'champion', verdict: 'inconclusive', value: null, threshold: null, detail: 'there is none' },
    ],
    metrics: { roc_auc: 0.5, log_loss: null },
    championMetrics: null,
    rows: 80,
  };

  it('tells the gate record of a turn or of a model', async () => {
    const code = { version: '', trainers: '', lockFile: '', commit: '', node: '', onnxRuntime: '' };
    world.rpc.add(evaluationService, createEvaluation(world.ports, code).rpc);
    const client = world.rpc.client(evaluationService);
    await expect(client.getReport({ pipeline, turn: ids.turn })).rejects.toMatchObject(unknown);
    await world.given(modelEvaluated, report, start + day);
    await world.given(modelRegistered, { ...ids, model: 1, bundle: 'b1', verdict: 'rejected', metrics: {} });
    const answer = await client.getReport({ pipeline, turn: ids.turn });
    expect(answer).toMatchObject({
      turn: ids.turn,
      model: 1,
      verdict: 'rejected',
      rows: 80,
      bundle: 'b1',
      champion: '',
    });
    expect(answer.metrics).toEqual({ roc_auc: 0.5 });
    expect(answer.evaluatedAt).toBe(iso(start + day));
    expect(answer.gates[0]).toMatchObject(report.gates[0] ?? {});
    expect(answer.gates[1]).not.toHaveProperty('value');
    expect(await client.getReport({ pipeline, model: 1 })).toEqual(answer);
    await expect(client.getReport({ pipeline, model: 2 })).rejects.toMatchObject(unknown);
    await expect(client.getReport({ pipeline })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(client.getReport({ pipeline: 'none', model: 1 })).rejects.toMatchObject(unknown);
  });
});

describe('relearn.v1.Monitoring', () => {
  const window = (number: number) => ({ start: start + number * day, end: start + (number + 1) * day });
  const profile = (number: number): DataOf<typeof windowProfiled> => {
    const shard = world.ports.catalog.controlPartition(pipeline);
    const counts = { rows: 10, predictions: 8, labelled: 0, labelledTotal: 0, read: 1024 * number, models: [] };
    return { ...window(number), part: 'inputs', shard, ...counts };
  };

  beforeEach(async () => {
    const { parts, rpc } = createMonitoring(world.ports);
    world.rpc.add(monitoringService, rpc);
    await world.start(parts);
  });

  it('tells windows and what was reported of them', async () => {
    const client = world.rpc.client(monitoringService);
    await expect(client.getReport({ pipeline })).rejects.toMatchObject(unknown);
    for (const number of [0, 1, 2]) await world.given(windowProfiled, profile(number));
    const known = { metric: 'roc_auc', model: 1, labelled: 7, predictions: 8, state: 'OK' } as const;
    const performance = { ...known, value: 0.7, frozen: null, trailing: 0.71, reference: 0.72 };
    await world.given(performanceReported, { ...window(0), ...performance });
    const features = [
      { feature: 'weight', method: 'psi', statistic: 0.3, threshold: 0.2, state: 'DRIFT' as const },
      { feature: 'city', method: 'psi', statistic: null, threshold: 0.2, state: 'NO_DATA' as const },
    ];
    await world.given(driftReported, { ...window(1), model: 1, rows: 10, state: 'DRIFT', share: 1, features });
    const { windows } = await client.listWindows({ pipeline });
    expect(windows).toMatchObject([
      { start: iso(start), end: iso(start + day), rows: 10, predictions: 8, performance: { value: 0.7 }, drift: null },
      { performance: null, drift: { model: 1, rows: 10, state: 'DRIFT', share: 1 } },
      { performance: null, drift: null },
    ]);
    expect(windows[0]?.performance).not.toHaveProperty('frozen');
    expect((await client.listWindows({ pipeline, limit: 1 })).windows).toEqual(windows.slice(2));
    const later = await client.listWindows({ pipeline, from: iso(start + day), limit: 1 });
    expect(later.windows).toEqual(windows.slice(1, 2));
    const newest = await client.getReport({ pipeline });
    expect(newest.window).toEqual(windows[1]);
    expect(newest.features).toMatchObject([features[0], { feature: 'city', state: 'NO_DATA' }]);
    expect((await client.getReport({ pipeline, start: iso(start) })).window).toEqual(windows[0]);
    await expect(client.getReport({ pipeline, start: iso(start + 9 * day) })).rejects.toMatchObject(unknown);
    await expect(client.getReport({ pipeline, start: 'soon' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(client.listWindows({ pipeline: 'none' })).rejects.toMatchObject(unknown);
  });

  it('asks for a turn once a window is complete', async () => {
    const client = world.rpc.client(monitoringService);
    await expect(client.requestRetrain({ pipeline: 'none' })).rejects.toMatchObject(unknown);
    await expect(client.requestRetrain({ pipeline })).rejects.toMatchObject({ code: 'REFUSED' });
    await world.given(windowProfiled, profile(0));
    expect(await client.requestRetrain({ pipeline })).toEqual({ request: 'parcels-r1' });
  });
});
