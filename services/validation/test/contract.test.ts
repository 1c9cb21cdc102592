import { InProcessRpc } from '@relearn/rpc/in-process';
import { describe, expect, it } from 'vitest';
import { judgeSection, compileContract } from '../src/domain/contract.js';
import { validationHandlers, validationService } from '../src/index.js';
import { openWorld, pipelineSpec, start } from './harness.js';

const at = new Date(start).toISOString();
const contract = compileContract(pipelineSpec());

function judgeOne(stream: string, values: Record<string, string | number | boolean | null>) {
  const columns = Object.fromEntries(Object.entries(values).map(([name, cell]) => [name, [cell]]));
  const { reasons, columns: kept } = judgeSection(contract, { stream, ids: ['a'], times: [start], columns });
  return { codes: (reasons[0] ?? []).map(({ code }) => code), kept };
}

describe('the contract', () => {
  const row = { id: 'a', at, place: 'north' };

  it.each([
    ['a missing nullable column', { ...row }, []],
    ['a number at its bound', { ...row, distance: 1000 }, []],
    ['a number beyond its bound', { ...row, distance: 1000.01 }, ['RANGE']],
    ['a text for a number', { ...row, distance: '5' }, ['TYPE']],
    ['a whole number', { ...row, stops: 3 }, []],
    ['a fraction for an integer', { ...row, stops: 3.5 }, ['TYPE']],
    ['a number for a boolean', { ...row, express: 1 }, ['TYPE']],
    ['a number for a time', { ...row, at: start }, ['TYPE']],
    ['a day that is none', { ...row, at: '2024-02-30T00:00:00.000Z' }, ['TYPE']],
    ['a missing column', { id: 'a', at }, ['NULL']],
    ['null in a column of its own', { ...row, weight: null }, []],
  ])('judges %s', (_, values, codes) => {
    expect(judgeOne('rows', values).codes).toEqual(codes);
  });

  it('keeps a number in a column of texts as its text and drops columns that are not declared', () => {
    expect(judgeOne('rows', { ...row, id: 7, weight: null }).kept).toEqual({ id: ['7'], at: [at], place: ['north'] });
  });

  it.each([
    ['a class', 1, []],
    ['its text', '0', []],
    ['a boolean', true, []],
    ['no class', 2, ['LABEL_VALUE']],
    ['null', null, ['NULL']],
  ])('judges a label that is %s', (_, value, codes) => {
    expect(judgeOne('labels', { event_id: 'a', value }).codes).toEqual(codes);
  });

  it('knows no stream but those of the pipeline', () => {
    expect(judgeOne('constructor', {}).codes).toEqual(['UNKNOWN_STREAM']);
  });
});

describe('relearn.v1.Validation', () => {
  it('checks a record without taking it in', async () => {
    const world = await openWorld();
    await world.apply(pipelineSpec());
    const rpc = new InProcessRpc(world.ports.kernel.clock);
    rpc.add(validationService, validationHandlers(world.ports.catalog));
    const client = rpc.client(validationService);
    const good = { id: { text: 'a' }, at: { text: at }, place: { text: 'north' } };
    const request = { pipeline: 'trips', stream: '', values: good };
    expect(await client.check(request)).toMatchObject({ valid: true, pipelineVersion: 1, reasons: [] });
    const bad = { ...request, values: { ...good, place: { text: 'west' }, distance: { number: -1 } } };
    expect(await client.check(bad)).toMatchObject({
      valid: false,
      reasons: [
        { code: 'VALUES', column: 'place' },
        { code: 'RANGE', column: 'distance' },
      ],
    });
    await expect(client.check({ ...request, pipeline: 'none' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await rpc.close();
    await world.stop();
  });
});
