import {
  modelPromoted,
  modelRolledBack,
  modelTrained,
  pipelineEnded,
  retrainRequested,
  snapshotFailed,
  trainingStarted,
  turnStarted,
} from '@relearn/contracts';
import { describe, expect, test } from 'vitest';
import { broken, day, pipelineSpec, start, Story } from './story.js';
import { applied, type Changes, turn } from './turn.js';

const ends = 'each request ends once';
const evidence = 'no model goes live without evidence';
const chain = 'alias moves form one chain';
const stages = 'no later stage after a failed one';
const determinism = 'same inputs give the same output';
const policy = 'no retrain inside the cooldown or with too few new labels';

/** A pipeline with one promoted model, and what a test does to the turn. */
async function oneTurn(change: Changes = {}, quiescent = true) {
  const story = new Story();
  applied(story);
  turn(story, { number: 1, change });
  return story.violations({ quiescent });
}

/** A first model and a second turn that is changed. */
async function secondTurn(change: Changes = {}, champion?: { model: number; bundle: string }) {
  const story = new Story();
  applied(story);
  const first = turn(story, { number: 1 });
  const place = { model: 1, bundle: first.bundle };
  turn(story, { number: 2, champion: champion ?? place, frozen: place, change });
  return story.violations();
}

test('given two good turns, nothing is found', async () => {
  expect(await secondTurn()).toEqual([]);
});

describe(ends, () => {
  test('a request whose turn still runs is no breach while the loop is at work', async () => {
    const open: Changes = {
      completed: null,
      trained: null,
      evaluated: null,
      registered: null,
      promoted: null,
      ended: null,
    };
    expect(await oneTurn(open, false)).toEqual([]);
    expect(broken(await oneTurn(open, true))).toEqual([ends]);
  });

  test('a request that ends twice is found', async () => {
    const story = new Story();
    applied(story);
    const { events } = turn(story, { number: 1 });
    const data = {
      turn: 'trips-1',
      request: 'r1',
      requestReason: 'first' as const,
      outcome: 'failed' as const,
      detail: '',
    };
    const again = story.emit(
      'registry',
      pipelineEnded,
      data,
      events.ended === undefined ? {} : { cause: events.ended },
    );
    expect(await story.violations()).toMatchObject([
      { invariant: ends, message: 'request r1 ended 2 times', event: again.id },
    ]);
  });

  test('an end that nobody asked for is found', async () => {
    expect(broken(await oneTurn({ ended: { request: 'r9' } }))).toEqual([ends]);
  });

  test('two turns at a time are found', async () => {
    const story = new Story();
    applied(story);
    for (const number of [1, 2]) {
      const request = `r${number}`;
      const asked = { request, reason: 'manual' as const, causes: [], cut: {}, labelled: 100 };
      const cause = story.emit('monitoring', retrainRequested, asked);
      const data = { turn: `trips-${number}`, request, reason: 'manual' as const, cut: {}, seed: 1, champion: null };
      story.emit('registry', turnStarted, data, { cause });
    }
    expect(broken(await story.violations({ quiescent: false }))).toEqual([ends]);
  });

  test('a request that is refused while a turn runs ends at once', async () => {
    const story = new Story();
    applied(story);
    const asked = { request: 'r0', reason: 'manual' as const, causes: [], cut: {}, labelled: 100 };
    const cause = story.emit('monitoring', retrainRequested, asked);
    const data = {
      turn: null,
      request: 'r0',
      requestReason: 'manual' as const,
      outcome: 'superseded' as const,
      detail: '',
    };
    story.emit('registry', pipelineEnded, data, { cause });
    turn(story, { number: 1 });
    expect(await story.violations()).toEqual([]);
  });
});

describe(evidence, () => {
  test.each<[string, Changes]>([
    ['a gate record that did not pass', { evaluated: { verdict: 'inconclusive' } }],
    ['no gates at all', { evaluated: { gates: [] } }],
    [
      'a gate without a value',
      { evaluated: { gates: [{ name: 'g', verdict: 'passed', value: null, threshold: 0, detail: '' }] } },
    ],
    [
      'a gate that was rejected',
      { evaluated: { gates: [{ name: 'g', verdict: 'rejected', value: 1, threshold: 2, detail: '' }] } },
    ],
    ['a gate record for another bundle', { evaluated: { bundle: 'f'.repeat(64) } }],
    ['a gate record against another champion', { evaluated: { champion: 'e'.repeat(64) } }],
    ['evidence that is not in the log', { promoted: { evidence: { kind: 'evaluation', event: 'nobody' } } }],
    ['evidence of the wrong kind', { promoted: { evidence: { kind: 'promotion', event: 'nobody' } } }],
  ])('a promotion on %s is found', async (_what, change) => {
    expect(broken(await oneTurn(change))).toContain(evidence);
  });

  test('a promotion without a registered version is found', async () => {
    expect(broken(await oneTurn({ registered: null }))).toContain(evidence);
  });

  test('evidence made under an earlier pipeline version is stale', async () => {
    const story = new Story();
    applied(story);
    const { events, bundle, reference } = turn(story, {
      number: 1,
      change: { promoted: null, ended: { outcome: 'no-model' } },
    });
    applied(story, pipelineSpec(), 2);
    const place = { model: 1, bundle };
    const data = { turn: null, ...place, reference, from: null, frozen: place, gates: [] };
    const record = { kind: 'evaluation' as const, event: events.evaluated?.id ?? '' };
    story.emit('registry', modelPromoted, { ...data, evidence: record }, { version: 2 });
    expect(await story.violations()).toMatchObject([
      { invariant: evidence, message: expect.stringContaining('version 2 is in force') },
    ]);
  });

  test('a rollback needs the move that made the same model champion', async () => {
    for (const [to, found] of [
      [1, []],
      [2, [evidence]],
    ] as const) {
      const story = new Story();
      applied(story);
      const first = turn(story, { number: 1 });
      const frozen = { model: 1, bundle: first.bundle };
      const second = turn(story, { number: 2, champion: frozen, frozen });
      const named = to === 1 ? first.promotion : second.promotion;
      const record = { kind: 'promotion' as const, event: named?.id ?? '' };
      const from = { model: 2, bundle: second.bundle };
      story.emit('registry', modelRolledBack, {
        ...frozen,
        reference: first.reference,
        from,
        frozen,
        evidence: record,
        reason: 'by hand',
      });
      expect(broken(await story.violations())).toEqual(found);
    }
  });
});

describe(chain, () => {
  test('a move from another champion than the one in place is found', async () => {
    expect(broken(await secondTurn({ promoted: { from: null } }))).toEqual([chain]);
  });

  test('another frozen model than the first is found', async () => {
    expect(broken(await secondTurn({ promoted: { frozen: { model: 2, bundle: 'x' } } }))).toEqual([chain]);
  });
});

describe(stages, () => {
  test('training after a failed snapshot is found', async () => {
    const story = new Story();
    applied(story);
    const { events } = turn(story, {
      number: 1,
      change: {
        snapshotted: null,
        training: null,
        trained: null,
        completed: null,
        evaluated: null,
        registered: null,
        promoted: null,
        ended: null,
      },
    });
    const ids = { turn: 'trips-1', request: 'r1' };
    const cause = events.started;
    story.emit('feature', snapshotFailed, { ...ids, reason: 'no data' }, cause === undefined ? {} : { cause });
    story.emit('training', trainingStarted, { ...ids, run: 'run/trips-1' }, cause === undefined ? {} : { cause });
    expect(broken(await story.violations({ quiescent: false }))).toEqual([stages]);
  });

  test('a promotion after a rejected test is found, a mere registration is not', async () => {
    const rejected: Changes = { evaluated: { verdict: 'rejected' }, ended: { outcome: 'no-model' } };
    expect(broken(await oneTurn(rejected))).toContain(stages);
    expect(await oneTurn({ ...rejected, promoted: null })).toEqual([]);
  });

  test('a version of a run without a winner is found', async () => {
    expect(broken(await oneTurn({ completed: { winner: null } }))).toEqual([stages]);
  });

  test('a stage that comes without the one before it is found', async () => {
    expect(broken(await oneTurn({ snapshotted: null }))).toEqual([stages]);
  });

  test("after the turn's end another service may tell what began before it, and nothing that began after it", async () => {
    const story = new Story();
    applied(story);
    const change: Changes = {
      completed: null,
      trained: null,
      evaluated: null,
      registered: null,
      promoted: null,
      ended: { outcome: 'superseded' },
    };
    const { events } = turn(story, { number: 1, change });
    const ids = { turn: 'trips-1', request: 'r1', run: 'run/trips-1' };
    const late = (cause: typeof events.ended) => ({
      source: 'training/trips/trips-1/control',
      ...(cause === undefined ? {} : { cause }),
    });
    const trained = {
      name: 'one',
      trainer: 'boosting',
      parameters: {},
      candidate: null,
      model: null,
      metrics: {},
      failure: 'cancelled',
    };
    story.emit('training', modelTrained, { ...ids, candidate: trained }, late(events.training));
    expect(await story.violations()).toEqual([]);
    story.emit('training', modelTrained, { ...ids, candidate: trained }, late(events.ended));
    expect(broken(await story.violations())).toEqual([stages]);
  });
});

describe(determinism, () => {
  test('two models of the same data, trainer, parameters and seed are found', async () => {
    const candidate = {
      name: 'one',
      trainer: 'boosting',
      parameters: {},
      candidate: 'folder',
      model: 'm2',
      metrics: {},
      failure: null,
    };
    const same: Changes = {
      started: { seed: 1, cut: { '0': 1024 } },
      snapshotted: { dataHash: 'data-1' },
      trained: { candidate },
      completed: { dataHash: 'data-1', candidates: [candidate] },
    };
    const found = await secondTurn(same);
    expect(found).toMatchObject([{ invariant: determinism, message: expect.stringContaining('is m2, but was') }]);
  });

  test('another data hash of the same cut is found', async () => {
    expect(broken(await secondTurn({ started: { cut: { '0': 1024 } } }))).toEqual([determinism]);
  });

  test('a candidate that is told twice and differently is found', async () => {
    const candidate = {
      name: 'one',
      trainer: 'boosting',
      parameters: {},
      candidate: 'folder',
      model: 'm2',
      metrics: {},
      failure: null,
    };
    expect(broken(await oneTurn({ trained: { candidate } }))).toEqual([determinism]);
  });
});

describe(policy, () => {
  async function requestAfter(
    days: number,
    labelled: number,
    reason: 'performance' | 'manual' | 'volume',
    retrain = {},
  ) {
    const story = new Story();
    applied(story, pipelineSpec(retrain));
    const first = turn(story, { number: 1 });
    const asked = { request: 'r2', reason, causes: [], cut: {}, labelled };
    story.emit('monitoring', retrainRequested, asked, {
      time: start + days * day,
      ...(first.promotion === null ? {} : { cause: first.promotion }),
    });
    return story.violations({ quiescent: false });
  }

  test('a request after the cooldown with enough new labels is none', async () => {
    expect(await requestAfter(10, 150, 'performance')).toEqual([]);
  });

  test('inside the cooldown it is found, unless a person asks', async () => {
    expect(broken(await requestAfter(9, 150, 'performance'))).toEqual([policy]);
    expect(await requestAfter(9, 150, 'manual')).toEqual([]);
  });

  test('with too few new labels it is found', async () => {
    expect(broken(await requestAfter(10, 149, 'performance'))).toEqual([policy]);
  });

  test('a volume trigger below its volume is found', async () => {
    expect(broken(await requestAfter(10, 150, 'volume', { volume: { labels: 51 } }))).toEqual([policy]);
  });

  test('each rejected turn makes the cooldown longer', async () => {
    const story = new Story();
    applied(story);
    turn(story, {
      number: 1,
      change: { promoted: null, evaluated: { verdict: 'rejected' }, ended: { outcome: 'no-model' } },
    });
    const asked = { request: 'r2', reason: 'drift' as const, causes: [], cut: {}, labelled: 900 };
    story.emit('monitoring', retrainRequested, asked, { time: start + 19 * day });
    expect(broken(await story.violations({ quiescent: false }))).toEqual([policy]);
  });

  test('a first model on too few rows is found', async () => {
    expect(broken(await oneTurn({ requested: { labelled: 99 } }))).toEqual([policy]);
  });
});
