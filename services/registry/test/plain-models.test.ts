import type { Event, PipelineSpec } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import type { Decision } from '@relearn/runtime';
import { beforeEach, describe, expect, test } from 'vitest';
import { apply, pin, promote, register, rollBack, unpin } from '../src/domain/commands.js';
import { evolve } from '../src/domain/evolve.js';
import { checkUpload, mostModelBytes } from '../src/domain/plain-name.js';
import { type PipelineState, plainKept, unknownPipeline } from '../src/domain/state.js';

const record = { onnx: 'o', bytes: 10, runtime: '1' };
const spec = { name: 'p', rollout: { strategy: 'direct' }, train: { deadline: 1, seed: 1 } } as PipelineSpec;

let state: PipelineState;
let made: Event[];

beforeEach(() => {
  state = unknownPipeline;
});

/** Folds what follows; answers its data. */
function told({ events = [] }: Decision): unknown[] {
  made = events.map(({ type, data, pipelineVersion }, index) => ({
    id: `${type.name}-${data === null ? '' : JSON.stringify(data).length}-${index}`,
    source: 's',
    type: type.type,
    sequence: 1,
    previous: null,
    time: '2024-01-01T00:00:00.000Z',
    pipeline: 'p',
    pipelineversion: pipelineVersion,
    data,
  }));
  for (const event of made) state = evolve(state, event);
  return made.map(({ data }) => data);
}

const registerNext = (champion: boolean) =>
  told(register(state, 'p', { bundle: `b${state.models + 1}`, record }, champion));

const codeOf = (work: () => unknown) => {
  try {
    work();
    return null;
  } catch (thrown) {
    return RelearnError.from(thrown).code;
  }
};

describe('a name that no pipeline owns', () => {
  test('counts its versions, and answers only those that name one until there is a champion', () => {
    expect(registerNext(false)).toEqual([{ model: 1, bundle: 'b1', verdict: 'passed', metrics: {}, manual: record }]);
    expect(state.champion).toBeNull();
    const [registered, promoted] = registerNext(true);
    expect(registered).toMatchObject({ model: 2, bundle: 'b2' });
    expect(promoted).toEqual({
      model: 2,
      bundle: 'b2',
      turn: null,
      from: null,
      frozen: null,
      evidence: { kind: 'manual' },
      gates: [],
    });
    expect(state.champion).toMatchObject({ model: 2, bundle: 'b2' });
  });

  test('is promoted by hand to any kept version, and rolled back to what was champion', () => {
    for (const champion of [true, false, true]) registerNext(champion);
    expect(told(promote(state, 2))).toMatchObject([
      { model: 2, from: { model: 3 }, evidence: { kind: 'manual' }, frozen: null },
    ]);
    expect(told(rollBack(state, null, 'why'))).toMatchObject([
      { model: 3, evidence: { kind: 'promotion' }, frozen: null },
    ]);
    expect(told(rollBack(state, 1, 'why'))).toMatchObject([{ model: 1, from: { model: 3 } }]);
    expect(codeOf(() => promote(state, 1))).toBe('REFUSED');
    expect(codeOf(() => promote(state, 9))).toBe('REFUSED');
  });

  test('keeps a bounded number of versions that may be promoted', () => {
    registerNext(false);
    for (let more = 0; more < plainKept; more++) registerNext(false);
    expect(state.plain).toHaveLength(plainKept);
    expect(codeOf(() => promote(state, 1))).toBe('REFUSED');
    expect(codeOf(() => promote(state, 2))).toBeNull();
  });

  test('does not move while it is pinned, and takes versions that nobody promotes', () => {
    registerNext(true);
    told(pin(state, 'why'));
    expect(codeOf(() => registerNext(true))).toBe('REFUSED');
    registerNext(false);
    expect(codeOf(() => promote(state, 2))).toBe('REFUSED');
    told(unpin(state, 'why'));
    expect(told(promote(state, 2))).toHaveLength(1);
  });
});

describe('pipelines and plain models', () => {
  test('never share a name, whichever came first', () => {
    told(apply(state, spec, 'd', [0]));
    expect(codeOf(() => register(state, 'p', { bundle: 'b', record }, true))).toBe('ALREADY_EXISTS');
    state = unknownPipeline;
    registerNext(false);
    expect(codeOf(() => apply(state, spec, 'd', [0]))).toBe('ALREADY_EXISTS');
  });
});

test('what is no name, no alias or no file is refused', () => {
  for (const good of ['lr', 'A.b-c_9', '0']) expect(codeOf(() => checkUpload(good, 1, 'champion'))).toBeNull();
  for (const bad of ['', 'a b', '../x', '-x', 'a/b', 'é', 'x'.repeat(129)])
    expect(
      codeOf(() => checkUpload(bad, 1, '')),
      bad,
    ).toBe('INVALID_INPUT');
  expect(codeOf(() => checkUpload('x', 1, 'challenger'))).toBe('INVALID_INPUT');
  expect(codeOf(() => checkUpload('x', 0, ''))).toBe('INVALID_INPUT');
  expect(codeOf(() => checkUpload('x', mostModelBytes + 1, ''))).toBe('TOO_LARGE');
});
