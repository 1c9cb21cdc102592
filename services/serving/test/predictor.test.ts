import { RelearnError, systemKernel } from '@relearn/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataPlane } from '../src/inference/oip/data-plane.js';
import type { PredictionRecord } from '../src/inference/prediction-record.js';
import { type Cells, Predictor } from '../src/predict/predictor.js';
import { flightModel, identityModel } from './models.js';
import { load, type Served, serve } from './serve.js';

const scope = { deadline: Number.POSITIVE_INFINITY, cancelled: false };
const freshness = { eventId: 'e7', time: '2024-01-01T00:00:00.000Z', asOf: '2024-01-02T00:00:00.000Z' };
const known: Readonly<Record<string, Cells>> = {
  f1: { distance: 100, carrier: 'AA', other: 'no input' },
  f2: { distance: 200, carrier: null },
};

let served: Served;
let predictor: Predictor;
let records: PredictionRecord[];
let read: Cells[];

beforeEach(async () => {
  records = [];
  read = [];
  served = await serve({ log: (run) => void records.push(...run) });
  await load(served.host, 'flights', 1, flightModel());
  predictor = new Predictor(
    served.host,
    new DataPlane(served.host, systemKernel, 'test'),
    async (_pipeline, entity) => {
      read.push(entity);
      if (entity['flight'] === undefined) throw new RelearnError('INVALID_INPUT', 'the key is missing');
      const features = known[String(entity['flight'])];
      return features === undefined ? { features: {}, freshness: null } : { features, freshness };
    },
  );
});

afterEach(() => served.stop());

const predict = (...rows: { entity?: Cells; columns?: Cells; eventId?: string }[]) =>
  predictor.predict(
    {
      pipeline: 'flights',
      version: '',
      id: '',
      rows: rows.map(({ entity = {}, columns = {}, eventId = '' }) => ({ entity, columns, eventId })),
    },
    scope,
  );

describe('a prediction', () => {
  it('takes the features of entities, columns, or both, in one run; and says who answered, and how fresh they are', async () => {
    const { version, arm, rows } = await predict(
      { entity: { flight: 'f1' } },
      { entity: { flight: 'f1' }, columns: { distance: 7 }, eventId: 'e9' },
      { columns: { distance: 1, carrier: 'BB' } },
      { entity: { flight: 'f2' } },
    );
    expect([version, arm]).toEqual(['1', 'champion']);
    expect(rows).toEqual([
      { outputs: { score: 110, echo: 'AA' }, freshness },
      { outputs: { score: 17, echo: 'AA' }, freshness },
      { outputs: { score: 21, echo: 'BB' }, freshness: null },
      { outputs: { score: 199, echo: '' }, freshness },
    ]);
    // Each entity once, and no entity where every column is given.
    expect(read).toEqual([{ flight: 'f1' }, { flight: 'f2' }]);
    expect(records.map(({ rows: count, eventIds }) => [count, eventIds])).toEqual([[4, [null, 'e9', null, null]]]);
    await predict({ entity: { flight: 'f1' }, columns: { distance: 1, carrier: 'BB' } });
    expect(read).toHaveLength(2);
  });

  it('names the row and the column that it lacks', async () => {
    await expect(
      predict({ columns: { distance: 1, carrier: 'AA' } }, { columns: { distance: 1 } }),
    ).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: "row 1: column 'carrier' of model 'flights' is missing",
    });
    await expect(predict({ entity: { flight: 'f3' }, columns: { distance: 1 } })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('the entity {"flight":"f3"} has no row'),
    });
    const all = await predict({ entity: { flight: 'f3' }, columns: { distance: 1, carrier: 'AA' } });
    expect(all.rows[0]?.outputs['score']).toBe(11);
    await expect(predict({ columns: { distnce: 1 } })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: "row 0: 'distnce' is no input of model 'flights'",
    });
    await expect(predict({ columns: { distance: 'far', carrier: 'AA' } })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining("column 'distance', row 0"),
    });
    await expect(predict({ entity: { plane: 1 } })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(predict()).rejects.toMatchObject({ code: 'INVALID_INPUT', message: '0 rows: give 1 to 1000' });
  });

  it('keeps to models that take single values', async () => {
    await load(served.host, 'wide', 1, identityModel('FP32'));
    const order = { pipeline: 'wide', version: '', id: '', rows: [{ entity: {}, columns: { x: 1 }, eventId: '' }] };
    await expect(predictor.predict(order, scope)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('takes no column of single values'),
    });
    await expect(predictor.predict({ ...order, pipeline: 'none' }, scope)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
