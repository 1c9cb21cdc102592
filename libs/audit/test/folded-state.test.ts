import type { AuditedDecider } from '@relearn/audit';
import {
  type Event,
  inputsOrdered,
  modelDeployed,
  pipelineApplied,
  retrainRequested,
  trainingStarted,
  windowProfiled,
} from '@relearn/contracts';
import { aggregateCollection, type Decider } from '@relearn/runtime';
import { describe, expect, test } from 'vitest';
import { broken, pipelineSpec, start, Story } from './story.js';

const folded = 'folding from zero gives the stored state';

/** Notes the types of what it hears and makes, in order: an own event for each request. */
const toy: Decider<string[]> = {
  service: 'toy',
  topics: ['control'],
  route: (event) => (retrainRequested.is(event) || pipelineApplied.is(event) ? event.pipeline : null),
  initial: () => [],
  decide: () => ({}),
  evolve: (state, event) => [...state, note(event)],
  encode: (state) => state,
  decode: (body) => body as string[],
};
const folds: AuditedDecider[] = [{ decider: toy as Decider<unknown> }];

function note(event: Event): string {
  return `${event.type.split('.')[1]}@${event.sequence}`;
}

/** Two requests, of which the first caused two own events, and a command between them. Positions: 0, 1; 2 to 4; 5; 6. */
async function log() {
  const story = new Story();
  const request = (name: string) =>
    story.emit('monitoring', retrainRequested, { request: name, reason: 'manual', causes: [], cut: {}, labelled: 100 });
  const started = (run: string, seen: string, cause?: Event) =>
    story.emit(
      'toy',
      trainingStarted,
      { turn: 't', request: 'r', run },
      { seen, ...(cause === undefined ? {} : { cause }) },
    );
  const first = request('r1');
  const second = request('r2');
  started('1', 'control/0@0', first);
  started('2', 'control/0@0', first);
  started('3', 'control/0@0');
  story.emit('registry', pipelineApplied, { spec: pipelineSpec(), digest: 'd', shards: [0] });
  started('4', 'control/0@1', second);
  const document = {
    pipeline: 'trips',
    partition: 0,
    state: ['retrain@1', 'training@1', 'training@2', 'training@3', 'retrain@2', 'training@4', 'pipeline@1'],
    applied: { 'monitoring/trips/control': 2, 'registry/trips/control': 1 } as Record<string, number>,
    sequences: { control: 4 },
    seen: { 'control/0': 5 },
    latest: 'control/0' as string | null,
    outbox: [] as { topic: string; partition: number; event: Event }[],
    now: start,
  };
  await story.open();
  const audit = async (changes: Partial<typeof document> | null) => {
    if (changes !== null)
      await story.store.put(aggregateCollection('toy'), 'trips', { ...document, ...changes } as never);
    const found = await story.violations({ folds, quiescent: false });
    return found.filter(({ invariant }) => invariant === folded);
  };
  return { story, document, audit };
}

describe(folded, () => {
  test('own events are folded after what they had seen, commands in the order of their numbers', async () => {
    const { audit } = await log();
    expect(await audit({})).toEqual([]);
  });

  test('another stored state is found, and another clock', async () => {
    const { audit, document } = await log();
    expect(await audit({ state: document.state.toReversed() })).toHaveLength(1);
    expect(await audit({ now: start + 1 })).toHaveLength(1);
  });

  test('what has not been handled yet is left out while the loop is at work', async () => {
    const { audit, story } = await log();
    const changes = {
      state: ['retrain@1', 'training@1', 'training@2', 'training@3'],
      applied: { 'monitoring/trips/control': 1 },
      sequences: { control: 3 },
      seen: { 'control/0': 0 },
      latest: null,
    };
    expect(await audit(changes)).toEqual([]);
    expect(broken(await story.violations({ folds, quiescent: true }))).toContain(folded);
  });

  test('an event that waits in the outbox is part of the state', async () => {
    const { audit, document, story } = await log();
    const seen = 'control/0@5';
    const waiting = story.emit('toy', trainingStarted, { turn: 't', request: 'r', run: '5' }, { seen });
    const changes = {
      state: [...document.state, 'training@5'],
      sequences: { control: 5 },
      latest: null,
      outbox: [{ topic: 'control', partition: 0, event: waiting }],
    };
    expect(await audit(changes)).toEqual([]);
  });

  test('events without any stored state are found when nothing is under way', async () => {
    const { story } = await log();
    expect(broken(await story.violations({ folds }))).toContain(folded);
  });

  test('inputs of several topics are folded in the order that own events tell', async () => {
    const story = new Story();
    const two: AuditedDecider = {
      decider: {
        ...toy,
        topics: ['control', 'monitoring'],
        route: (event) => (modelDeployed.is(event) || windowProfiled.is(event) ? event.pipeline : null),
      } as Decider<string[]> as Decider<unknown>,
    };
    const deployed = (model: number) =>
      story.emit('serving', modelDeployed, { model, bundle: 'b', instance: 'i', promotion: 'p' });
    const counts = { rows: 0, predictions: 0, labelled: 0, labelledTotal: 0, read: 0, models: [] };
    const window = (start: number) =>
      story.emit(
        'monitoring',
        windowProfiled,
        { start, end: start + 1, part: 'inputs', shard: 0, ...counts },
        { source: 'monitoring/trips/0/inputs' },
      );
    deployed(1);
    deployed(2);
    for (const start of [0, 1, 2]) window(start);
    // The first window came before any deployment was heard of; the second between both.
    const number = { sequence: 1, previous: null, seen: 'monitoring/0@0' };
    story.emit('toy', inputsOrdered, {}, number);
    const made = (sequence: number, seen: string) =>
      story.emit('toy', trainingStarted, { turn: 't', request: 'r', run: seen }, { sequence, previous: null, seen });
    made(2, 'control/0@0 monitoring/0@1');
    const document = {
      pipeline: 'trips',
      partition: 0,
      state: ['window@1', 'model@1', 'window@2', 'training@2', 'model@2', 'window@3'],
      applied: { 'monitoring/trips/0/inputs': 3, 'serving/trips/control': 2 },
      sequences: { control: 2, monitoring: 1 },
      seen: { 'control/0': 1, 'monitoring/0': 2 },
      latest: 'monitoring/0',
      outbox: [],
      now: start,
    };
    await story.open();
    await story.store.put(aggregateCollection('toy'), 'trips', document);
    const found = async () =>
      (await story.violations({ folds: [two] })).filter(({ invariant }) => invariant === folded);
    expect(await found()).toEqual([]);
    await story.store.put(aggregateCollection('toy'), 'trips', { ...document, state: document.state.toSorted() });
    expect(await found()).toHaveLength(1);
  });
});
