import { expect, test } from 'vitest';
import { arrival, type Profiled, type TriggerState, unknownTriggers } from '../src/domain/trigger-state.js';

const twoShards: TriggerState = { ...unknownTriggers, shards: [0, 1] };

function profiled(shard: number, start: number, part: Profiled['part'] = 'inputs'): Profiled {
  const none = { rows: 0, predictions: 0, labelled: 0, labelledTotal: 0, read: 0, models: [] };
  return { ...none, shard, part, start, end: start + 10 };
}

/** Takes the profiles one after another; answers which windows each completed, as `start:shards`. */
function completed(...profiles: readonly Profiled[]): string[][] {
  let state = twoShards;
  return profiles.map((profile) => {
    const { state: next, complete } = arrival(state, profile);
    state = next;
    return complete.map((window) => `${window[0]?.start}:${window.map(({ shard }) => shard).join('+')}`);
  });
}

test('a window is complete once both shards have told theirs', () => {
  expect(completed(profiled(1, 0), profiled(0, 0))).toEqual([[], ['0:0+1']]);
});

test('a shard whose first window is a later one has passed those before', () => {
  expect(completed(profiled(0, 0), profiled(0, 10), profiled(1, 10))).toEqual([[], [], ['0:0', '10:0+1']]);
});

test('a silent stretch that a shard skips does not hold the others up', () => {
  const all = [profiled(0, 0), profiled(1, 0), profiled(0, 10), profiled(0, 20), profiled(1, 20)];
  expect(completed(...all).flat()).toEqual(['0:0+1', '10:0', '20:0+1']);
});

test('inputs and outcomes of a window are passed each by itself', () => {
  expect(completed(profiled(0, 0), profiled(1, 0, 'outcomes'), profiled(1, 0))).toEqual([[], [], ['0:0+1']]);
});

test('what is complete is kept no longer', () => {
  const { state } = arrival(arrival(twoShards, profiled(0, 0)).state, profiled(1, 0));
  expect(state.partial).toEqual({});
});
