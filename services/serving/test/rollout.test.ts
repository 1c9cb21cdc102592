import { systemClock } from '@relearn/kernel';
import type { Challenger } from '@relearn/runtime';
import { afterEach, describe, expect, it } from 'vitest';
import { columnsOf } from '../src/inference/values.js';
import type { PredictionRecord } from '../src/inference/prediction-record.js';
import { placeOf } from '../src/inference/rollout.js';
import { HeldSessions } from './held-sessions.js';
import { flightModel, fragileModel, identityModel, linearModel } from './models.js';
import { model, node, type TestModel, value } from './onnx.js';
import { byteStrings, floatsOf, fp32, linearRequest, load, rawRequest, type Served, serve } from './serve.js';

let served: Served | undefined;
let records: PredictionRecord[];
const leftOut: string[] = [];

afterEach(async () => {
  await served?.stop();
  served = undefined;
});

/** Version 1 answers; version 2 is tried beside it. */
async function trial(
  name: string,
  models: readonly [champion: TestModel, challenger: TestModel],
  challenger: Partial<Challenger>,
  options: Parameters<typeof serve>[0] = {},
): Promise<Served> {
  records = [];
  leftOut.length = 0;
  served = await serve({
    log: (run) => void records.push(...run),
    onLeftOut: (what) => void leftOut.push(what),
    ...options,
  });
  const { host } = served;
  await load(host, name, 1, models[0]);
  await host.load(name, 2, models[1].onnx, null, { digest: models[1].digest });
  host.setChallenger(name, { model: 2, bundle: 'b', strategy: 'canary', share: 0.3, ...challenger });
  return served;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await systemClock.sleep(1);
}

const linear = (challenger: Partial<Challenger>) => trial('linear', [linearModel(1), linearModel(2)], challenger);
const mirrors = () => records.filter(({ answered }) => answered !== undefined);
const gather = (at: number) =>
  rawRequest('fragile', {
    at: { datatype: 'INT64', shape: [1], raw: Buffer.from(new BigInt64Array([BigInt(at)]).buffer) },
  });

describe('a shadow', () => {
  it('answers nobody: the champion does, and both answers are logged side by side', async () => {
    const { client } = await linear({ strategy: 'shadow', share: 0 });
    for (let a = 0; a < 50; a++) {
      const answer = await client.modelInfer(linearRequest([a], [0], { id: `r${a}` }));
      expect([answer.modelVersion, floatsOf(answer.rawOutputContents[0])]).toEqual(['1', [2 * a + 1]]);
      expect(answer.parameters['arm']?.stringParam).toBe('champion');
    }
    await until(() => mirrors().length === 50);
    for (const record of mirrors()) {
      expect(record).toMatchObject({ arm: 'challenger', version: '2', challenger: 2, answered: { version: '1' } });
      const [own] = Object.values(columnsOf(record.outputs))[0] ?? [];
      const [answered] = Object.values(columnsOf(record.answered?.outputs ?? []))[0] ?? [];
      expect(Number(own) - Number(answered)).toBe(1);
    }
    expect(records.filter(({ answered }) => answered === undefined)).toHaveLength(50);
  });

  it('of a large request runs what was asked, although the request is gone once it is answered', async () => {
    const echo = (scale: string) =>
      model({
        inputs: [value('x', 'FP32', [-1, -1])],
        outputs: [value('y', 'FP32', [-1, -1])],
        nodes: [node(scale, ['x'], ['y'])],
      });
    const shadow = { strategy: 'shadow', share: 0 } as const;
    const { client } = await trial('echo', [echo('Identity'), echo('Neg')], shadow);
    const asked = Array.from({ length: 6 }, (_, at) =>
      fp32(...Array.from({ length: 40_000 }, (_cell, cell) => at + cell)),
    );
    for (const raw of asked) {
      await client.modelInfer(rawRequest('echo', { x: { datatype: 'FP32', shape: [1, 40_000], raw } }));
    }
    await until(() => mirrors().length === asked.length);
    const told = mirrors().map(({ outputs }) => Buffer.from(outputs[0]?.tensor.bytes ?? []));
    const negated = asked.map((raw) => fp32(...floatsOf(raw).map((one) => -one)));
    expect(new Set(told.map((raw) => negated.findIndex((one) => one.equals(raw))))).toEqual(
      new Set([0, 1, 2, 3, 4, 5]),
    );
  });

  it('that breaks changes no answer, and its failure is logged', async () => {
    const { client } = await trial('fragile', [fragileModel(9), fragileModel(3)], { strategy: 'shadow', share: 0 });
    for (const at of [1, 5, 7]) {
      const answer = await client.modelInfer(gather(at));
      expect(floatsOf(answer.rawOutputContents[0])).toEqual([100 + at]);
    }
    await until(() => mirrors().length === 3);
    expect(mirrors().map(({ failure }) => failure)).toEqual([undefined, 'INTERNAL', 'INTERNAL']);
  });

  it('that is too slow is left out beyond a bound, counted, and delays no answer', async () => {
    const held = new HeldSessions();
    const shadow = { strategy: 'shadow', share: 0 } as const;
    const { client } = await trial('linear', [linearModel(1), linearModel(2)], shadow, { sessions: held.open });
    held.hold(2);
    for (let a = 0; a < 100; a++) await client.modelInfer(linearRequest([a], [0]));
    expect(leftOut).toEqual(Array.from({ length: 36 }, () => 'mirror'));
    held.release();
    await until(() => mirrors().length === 64);
  });
});

describe('a canary', () => {
  /** The version that answers each key. */
  async function versions({ client }: Served, keys: readonly string[], more = {}): Promise<Map<string, string>> {
    const answered = new Map<string, string>();
    for (const key of keys) {
      const { modelVersion, parameters } = await client.modelInfer(linearRequest([1], [1], { id: key, ...more }));
      expect(parameters['arm']?.stringParam).toBe(modelVersion === '2' ? 'challenger' : 'champion');
      answered.set(key, modelVersion);
    }
    return answered;
  }
  const keys = Array.from({ length: 400 }, (_, index) => `user-${index}`);
  const inside = (answered: Map<string, string>) => keys.filter((key) => answered.get(key) === '2');

  it('answers its share of the keys, the same ones each time, and keeps them as the share grows', async () => {
    const world = await linear({ share: 0.1 });
    const first = await versions(world, keys);
    expect(inside(first).length).toBeGreaterThan(20);
    expect(inside(first).length).toBeLessThan(65);
    expect(await versions(world, keys)).toEqual(first);
    world.host.setChallenger('linear', { model: 2, bundle: 'b', strategy: 'canary', share: 0.5 });
    const more = await versions(world, keys);
    expect(inside(more)).toEqual(expect.arrayContaining(inside(first)));
    expect(inside(more).length).toBeGreaterThan(150);
    expect(inside(more).length).toBeLessThan(250);
  });

  it('has each answer run by the champion too, and nobody run by it when the champion answered', async () => {
    const world = await linear({ share: 0.5 });
    const answered = await versions(world, keys.slice(0, 60));
    const own = inside(answered);
    await until(() => mirrors().length === own.length);
    expect(
      mirrors()
        .map(({ id }) => id)
        .sort(),
    ).toEqual([...own].sort());
    expect(new Set(mirrors().map(({ arm, version }) => `${arm} ${version}`))).toEqual(new Set(['champion 1']));
    expect(records.every(({ challenger }) => challenger === 2)).toBe(true);
  });

  it('sticks to a parameter or a header before the id, and to the declared column before all', async () => {
    const { client, app, host } = await linear({ share: 0.5 });
    const share = 0.5;
    const [into, out] = [true, false].map(
      (wanted) => keys.find((key) => placeOf('linear/2', key) < share === wanted) ?? '',
    );
    const asked = async (more: object, metadata = {}) =>
      (await client.modelInfer(linearRequest([1], [1], more), { metadata })).modelVersion;
    expect(await asked({ id: out, parameters: { sticky_key: { stringParam: into } } })).toBe('2');
    expect(await asked({ id: out }, { 'x-relearn-key': into ?? '' })).toBe('2');
    expect(await asked({ id: into }, { 'x-relearn-key': out ?? '' })).toBe('1');
    const tensor = (name: string) => ({ name, datatype: 'FP32', shape: [1, 1], data: [1] });
    const answer = await app.inject({
      method: 'POST',
      url: '/v2/models/linear/infer',
      headers: { 'x-relearn-key': into ?? '' },
      payload: { id: out, inputs: [tensor('a'), tensor('b')] },
    });
    expect(answer.json()).toMatchObject({ model_version: '2', parameters: { arm: 'challenger' } });
    const column = [1, 2, 3, 4, 5, 6, 7, 8].find((value) => placeOf('linear/2', String(value)) < share) ?? 0;
    host.setChallenger('linear', { model: 2, bundle: 'b', strategy: 'canary', share, key: 'a' });
    expect((await client.modelInfer(linearRequest([column], [1], { id: out ?? '' }))).modelVersion).toBe('2');
  });

  it('logs a request that it failed with its arm, and the champion is not asked in its place', async () => {
    const { client } = await trial('fragile', [fragileModel(9), fragileModel(3)], { share: 0.999_999 });
    await expect(client.modelInfer(gather(5))).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(records).toMatchObject([{ arm: 'challenger', version: '2', challenger: 2, failure: 'INTERNAL' }]);
  });

  it('leaves to the champion what it cannot take, and draws no conclusion', async () => {
    const { client } = await trial('flights', [flightModel(), identityModel('FP32')], { share: 0.999_999 });
    const request = rawRequest('flights', {
      distance: { datatype: 'FP32', shape: [1, 1], raw: fp32(5) },
      carrier: { datatype: 'BYTES', shape: [1, 1], raw: byteStrings('AA') },
    });
    expect(await client.modelInfer(request)).toMatchObject({ modelVersion: '1', parameters: {} });
    expect(records).toHaveLength(1);
    expect(records[0]).not.toHaveProperty('challenger');
  });

  it('is had by its number and its label, and then tells nothing', async () => {
    const { client, host } = await linear({ share: 0.1 });
    for (const [modelVersion, version] of [
      ['2', '2'],
      ['challenger', '2'],
      ['champion', '1'],
    ] as const) {
      expect((await client.modelInfer(linearRequest([1], [1], { modelVersion }))).modelVersion).toBe(version);
    }
    expect(records.map(({ arm, challenger }) => [arm, challenger])).toEqual([
      ['challenger', undefined],
      ['challenger', undefined],
      ['champion', undefined],
    ]);
    host.setChallenger('linear', null);
    const gone = client.modelInfer(linearRequest([1], [1], { modelVersion: 'challenger' }));
    await expect(gone).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});
