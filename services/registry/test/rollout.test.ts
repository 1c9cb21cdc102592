import {
  type GradualRollout,
  modelEvaluated,
  modelPinned,
  modelPromoted,
  modelRegistered,
  modelRolledBack,
  modelUnpinned,
  pipelineEnded,
  type PipelineSpec,
  retrainRequested,
  rolloutAdvanced,
  rolloutEnded,
  rolloutJudged,
  rolloutStarted,
  timerFired,
} from '@relearn/contracts';
import { beforeEach, describe, expect, test } from 'vitest';
import { apply, pin, promote, rollBack, unpin } from '../src/domain/commands.js';
import { deadlineTimer } from '../src/domain/state.js';
import { pipelineDecider } from '../src/handlers/pipelines.js';
import { ToldRegistry } from './told-registry.js';

const policy: GradualRollout = {
  strategy: 'canary',
  steps: [0.1, 0.5],
  requests: 100,
  judge: { confidence: 0.99, max_error_increase: 0, max_latency_ratio: null, min_agreement: null, quality: null },
  limit: 86_400_000,
};
const specOf = (rollout: PipelineSpec['rollout']) => ({ rollout, train: { deadline: 1000, seed: 1 } }) as PipelineSpec;

let registry: ToldRegistry;

/** A request and the evaluation of its turn. */
function turn(number: number, verdict: 'passed' | 'rejected' = 'passed', more: { incomparable?: true } = {}): string[] {
  const request = `r${number}`;
  registry.given(retrainRequested, { request, reason: 'manual', causes: [], cut: {}, labelled: 1 });
  const champion = registry.state.champion?.bundle ?? null;
  const bundle = `bundle-${number}`;
  return registry.given(modelEvaluated, {
    turn: `p-${number}`,
    request,
    verdict,
    bundle,
    reference: `reference-${number}`,
    champion,
    gates: [{ name: 'roc_auc', verdict: 'passed', value: 0.8, threshold: 0.7, detail: '' }],
    metrics: {},
    championMetrics: null,
    rows: 10,
    ...more,
  });
}

function judged(verdict: 'advance' | 'promote' | 'rollback', step: number, model = 2): string[] {
  const counts = { requests: 100, totalRequests: 100, rows: 0, measures: [], evidence: 0, threshold: 100 };
  const ids = { turn: 'p-2', request: 'r2', model, step };
  return registry.given(rolloutJudged, { ...ids, verdict, reasons: ['a reason'], ...counts });
}

beforeEach(() => {
  registry = new ToldRegistry();
  registry.told((state) => apply(state, specOf(policy), 'first', [0]));
});

describe('with a canary', () => {
  test('the first model, which has none beside it, is promoted at once', () => {
    expect(turn(1)).toEqual(['model.registered', 'model.promoted', 'pipeline.ended']);
  });

  test('so is one that knows other features than the champion, beside which it cannot be tried', () => {
    turn(1);
    expect(turn(2, 'passed', { incomparable: true })).toEqual(['model.registered', 'model.promoted', 'pipeline.ended']);
  });

  test('one that did not pass is not tried', () => {
    turn(1);
    expect(turn(2, 'rejected')).toEqual(['model.registered', 'pipeline.ended']);
  });
});

describe('given a rollout', () => {
  beforeEach(() => {
    turn(1);
    expect(turn(2)).toEqual(['model.registered', 'rollout.started']);
  });

  test('it begins at the first step, against the champion, on the gate record', () => {
    const record = registry.state.rollout?.evidence;
    expect(registry.last(rolloutStarted)).toMatchObject({
      turn: 'p-2',
      model: 2,
      champion: { model: 1, bundle: 'bundle-1' },
      evidence: record,
    });
    expect(registry.state.turn?.id).toBe('p-2');
  });

  test('it advances and is promoted on that record, and the turn ends once', () => {
    expect(judged('advance', 0)).toEqual(['rollout.advanced']);
    expect(registry.last(rolloutAdvanced)).toMatchObject({ step: 1, share: 0.5 });
    expect(judged('promote', 1)).toEqual(['model.promoted', 'rollout.ended', 'pipeline.ended']);
    const promoted = registry.last(modelPromoted);
    const evidence = { kind: 'evaluation', event: registry.last(rolloutStarted)?.evidence };
    expect(promoted).toMatchObject({ turn: 'p-2', model: 2, from: { model: 1 }, evidence });
    expect(promoted?.gates).toHaveLength(1);
    expect(registry.last(rolloutEnded)).toMatchObject({ outcome: 'promoted' });
    expect(registry.last(pipelineEnded)).toMatchObject({ turn: 'p-2', outcome: 'promoted' });
    expect(registry.state).not.toHaveProperty('rollout');
    expect(registry.state.turn).toBeNull();
  });

  test('it is rolled back: the champion stays and the turn ends without a model', () => {
    expect(judged('rollback', 0)).toEqual(['rollout.ended', 'pipeline.ended']);
    expect(registry.last(rolloutEnded)).toMatchObject({
      outcome: 'rolled-back',
      reasons: [expect.stringContaining('a reason')],
    });
    expect(registry.last(pipelineEnded)).toMatchObject({ outcome: 'no-model' });
    expect(registry.state.champion?.model).toBe(1);
    expect(judged('rollback', 0)).toEqual([]);
  });

  test.each([
    ['another step', () => judged('advance', 1)],
    ['another model', () => judged('promote', 0, 7)],
  ])('a verdict on %s changes nothing', (_, verdict) => {
    expect(verdict()).toEqual([]);
  });

  test('the deadline of its turn counts no more', () => {
    const { due } = pipelineDecider(true);
    expect(due?.(registry.state)).toEqual({});
    expect(registry.given(timerFired, { timer: deadlineTimer('p-2'), aggregate: 'p' })).toEqual([]);
  });

  const superseded = ['rollout.ended', 'pipeline.ended'];
  test.each<[string, () => string[], string[]]>([
    [
      'a manual retrain',
      () => registry.given(retrainRequested, { request: 'r3', reason: 'manual', causes: [], cut: {}, labelled: 1 }),
      [...superseded, 'turn.started'],
    ],
    [
      'a new version',
      () => registry.told((state) => apply(state, specOf({ strategy: 'direct' }), 'second', [0])),
      [...superseded, 'pipeline.applied'],
    ],
    ['a pin', () => registry.told((state) => pin(state, 'holidays')), [...superseded, 'model.pinned']],
  ])('%s ends it as superseded', (_, change, events) => {
    expect(change()).toEqual(events);
    expect(registry.last(rolloutEnded)).toMatchObject({ outcome: 'superseded' });
    expect(registry.last(pipelineEnded)).toMatchObject({ outcome: 'superseded' });
    expect(judged('promote', 0)).toEqual([]);
    expect(registry.state.champion?.model).toBe(1);
  });

  test('another request finds the turn running', () => {
    const other = { request: 'r3', reason: 'drift' as const, causes: [], cut: {}, labelled: 1 };
    expect(registry.given(retrainRequested, other)).toEqual(['pipeline.ended']);
    expect(registry.state.rollout?.model).toBe(2);
  });

  test('a person promotes its model on the same evidence, and the turn ends so', () => {
    expect(registry.told((state) => promote(state, 2))).toEqual(['model.promoted', 'rollout.ended', 'pipeline.ended']);
    expect(registry.last(pipelineEnded)).toMatchObject({ outcome: 'promoted' });
    expect(registry.state.champion?.model).toBe(2);
  });

  test('a person takes it back by a rollback that names no model', () => {
    expect(registry.told((state) => rollBack(state, null, 'complaints'))).toEqual(superseded);
    expect(registry.last(rolloutEnded)).toMatchObject({ outcome: 'rolled-back' });
    expect(registry.state.champion?.model).toBe(1);
  });

  test('a rollback to a former champion supersedes it', () => {
    judged('advance', 0);
    judged('promote', 1);
    turn(3);
    expect(registry.told((state) => rollBack(state, 1, 'complaints'))).toEqual(['model.rolled-back', ...superseded]);
    expect(registry.last(modelRolledBack)).toMatchObject({ model: 1 });
    expect(registry.last(rolloutEnded)).toMatchObject({ model: 3, outcome: 'superseded' });
  });

  test('a version with a direct rollout promotes at once again', () => {
    registry.told((state) => apply(state, specOf({ strategy: 'direct' }), 'second', [0]));
    expect(registry.state).not.toHaveProperty('policy');
    expect(turn(3)).toEqual(['model.registered', 'model.promoted', 'pipeline.ended']);
  });
});

describe('given a pin', () => {
  beforeEach(() => {
    turn(1);
    registry.told((state) => pin(state, 'holidays'));
  });

  test('turns register models and promote none', () => {
    expect(turn(2)).toEqual(['model.registered', 'pipeline.ended']);
    expect(registry.last(modelRegistered)).toMatchObject({ model: 2 });
    expect(registry.last(pipelineEnded)).toMatchObject({ outcome: 'no-model', detail: 'model 1 is pinned' });
  });

  test('people move nothing either', () => {
    turn(2);
    expect(() => registry.told((state) => promote(state, 2))).toThrow(/model 1 is pinned/);
    expect(() => registry.told((state) => rollBack(state, null, 'x'))).toThrow(/model 1 is pinned/);
  });

  test('a second pin and a second unpin change nothing', () => {
    expect(registry.told((state) => pin(state, 'again'))).toEqual([]);
    expect(registry.told((state) => unpin(state, 'over'))).toEqual(['model.unpinned']);
    expect(registry.told((state) => unpin(state, 'over'))).toEqual([]);
    expect([registry.last(modelPinned), registry.last(modelUnpinned)]).toEqual([
      { model: 1, reason: 'holidays' },
      { model: 1, reason: 'over' },
    ]);
  });

  test('once it is unpinned, the model that passed meanwhile can be promoted', () => {
    turn(2);
    registry.told((state) => unpin(state, 'over'));
    expect(registry.told((state) => promote(state, 2))).toEqual(['model.promoted']);
  });
});

test('without a champion there is nothing to pin', () => {
  expect(() => registry.told((state) => pin(state, 'x'))).toThrow(/no champion/);
});
