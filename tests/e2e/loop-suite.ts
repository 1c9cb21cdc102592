import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataOf, predictionLogged } from '@relearn/contracts';
import type { Verification } from '@relearn/platform';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventsOf, recordsIn } from './log.js';
import { atRest, audited, type Deployment, type Mode } from './modes.js';
import { day, firstDay, orders, ordersPipeline, retrainOnQuality, writePipeline } from './tables.js';
import { turnsOf, turnTrace } from './trace.js';
import { get, type InferAnswer, inferenceClient, ingestionClient, orderRequest, post } from './wire.js';
import { countsIn, eventually, temporaryFolder } from './world.js';

const golden = join(import.meta.dirname, 'golden', 'turn.json');
const rows = 3000;
const perDay = 150;
/** After all that is replayed. */
const later = firstDay + (rows / perDay + 1) * day;
const startMs = 180_000;
/**
 * Business time to machine time, a tenth of it while a turn runs. The first turn must end before the quality falls, five days of
 * business time after it began, however busy the machine is.
 */
const speed = 100_000;

interface Turn {
  readonly turn: string | null;
  readonly reason: string;
  readonly outcome: string | null;
}

/** The loop from the outside, the same wherever it runs: by HTTP, gRPC and what is in the log. */
export function loopSuite(mode: Mode): void {
  const without = mode.lacks.length === 0 ? '' : ` (not run: no ${mode.lacks.join(', no ')})`;
  describe.skipIf(mode.lacks.length > 0)(`${mode.name}${without}`, () => {
    let deployment: Deployment;
    let remove: () => Promise<void>;
    let api: string;

    beforeAll(async () => {
      const folder = await temporaryFolder();
      remove = folder.remove;
      deployment = await mode.deploy(folder.path);
      api = `${deployment.url}/api/v1`;
      const table = orders({ rows, perDay, turnsOnDay: 8 });
      const file = await writePipeline(folder.path, 'orders', table, ordersPipeline({ more: retrainOnQuality }));
      expect(await post(`${api}/replays`, { file, speed })).toMatchObject({ status: 202 });
    }, startMs);

    afterEach(async ({ task }) => {
      if (task.result?.state === 'fail') console.error(await deployment.processes?.logs());
    });

    afterAll(async () => {
      await deployment?.stop();
      await remove();
    }, startMs);

    const turns = async () => ((await get(`${api}/pipelines/orders/turns`)).body as { turns?: Turn[] }).turns ?? [];

    /** The first turn of a reason that has ended with a promotion, and what it left in the log once it is served. */
    async function promotedTurn(reason: string): Promise<{ turn: string; trace: string[] }> {
      const { turn } = await eventually(
        `a promotion after a ${reason} request`,
        async () => (await turns()).findLast((one) => one.reason === reason && one.outcome === 'promoted'),
        { timeoutMs: 90_000, everyMs: 200 },
      );
      const trace = await eventually(
        'its model to be deployed',
        async () => {
          const steps = await turnTrace(deployment.ports.bus, 'orders', turn ?? '');
          return steps.some((step) => step.endsWith('model.deployed (serving)')) && steps;
        },
        { everyMs: 200 },
      );
      return { turn: turn ?? '', trace };
    }

    /** Predictions of a row in the log, the champion's: kind and version. */
    async function predictionsOf(id: string): Promise<{ kind: string; model: number | undefined }[]> {
      await atRest(deployment);
      const logged = await eventsOf(deployment.ports.bus, 'predictions');
      return logged.flatMap((event) => {
        const { kind, ids, arms } = event.data as DataOf<typeof predictionLogged>;
        const model = arms.find((one) => one.arm === 'champion')?.model;
        return ids.filter((one) => one === id).map(() => ({ kind, model }));
      });
    }

    test(
      'a first turn and one that a fall of quality causes go the way that the golden trace shows',
      async () => {
        const first = await promotedTurn('first');
        const retrained = await promotedTurn('performance');
        const traces = { first: first.trace, performance: retrained.trace };
        if (process.env['RELEARN_UPDATE_GOLDEN'] !== undefined) {
          await writeFile(golden, `${JSON.stringify(traces, null, 2)}\n`);
        }
        const control = await eventsOf(deployment.ports.bus, 'control');
        for (const { turn } of [first, retrained]) {
          const events = control.filter((event) => event.correlationid === turn);
          expect(new Set(events.map(({ traceparent }) => traceparent?.split('-')[1])).size).toBe(1);
        }
        expect(traces).toEqual(JSON.parse(await readFile(golden, 'utf8')));
      },
      startMs,
    );

    test('every row and label that was replayed is validated once', async () => {
      await eventually(
        'the end of the replay',
        async () => {
          const { replays } = (await get(`${api}/status`)).body as { replays: { state: string }[] };
          return replays.every(({ state }) => state === 'done');
        },
        { timeoutMs: 90_000, everyMs: 200 },
      );
      await atRest(deployment);
      const ids = (await recordsIn(deployment.ports.bus, 'data.valid'))
        .filter(({ stream }) => stream === 'rows')
        .map(({ id }) => id);
      expect(ids.sort()).toEqual(Array.from({ length: rows }, (_, row) => `o${row}`).sort());
      const { markers = 0, ...counts } = await eventually('the last checkpoint', async () => {
        const found = await countsIn(deployment.ports, 'orders');
        return (found['received'] ?? 0) >= 2 * rows + (found['markers'] ?? 0) && found;
      });
      const all = 2 * rows + markers;
      expect(counts).toEqual({ received: all, validated: all, quarantined: 0, duplicates: 0 });
    });

    test('rows by HTTP and gRPC are accepted, scored once and, sent again, duplicates', async () => {
      const row = (order_id: string) => ({
        order_id,
        at: new Date(later).toISOString(),
        region: 'north',
        discount: 0.9,
      });
      const events = `${deployment.url}/v1/events/orders`;
      expect(await post(events, [row('h1'), { order_id: 'h2' }])).toMatchObject({
        status: 202,
        body: { accepted: 1, ids: ['h1'], rejected: [{ index: 1, code: 'MISSING_COLUMN' }] },
      });
      expect(await post(events, row('h1'))).toMatchObject({ status: 202 });
      expect((await post(`${deployment.url}/v1/events/nobody`, row('h1'))).status).toBe(404);
      const ingestion = ingestionClient(deployment.ingestionAddress);
      const values = { region: { text: 'east' }, discount: { number: 0.5 }, order_id: { text: 'inner' } };
      const records = [{ id: 'g1', source: '/grpc', time: new Date(later).toISOString(), values }];
      expect(await ingestion.call('Publish', { pipeline: 'orders', records })).toMatchObject({ ids: ['/grpc g1'] });
      ingestion.close();
      const [champion] = await predictionsOf('h1');
      expect(await predictionsOf('h1')).toEqual([{ kind: 'stream', model: champion?.model }]);
      expect(await predictionsOf('/grpc g1')).toEqual([{ kind: 'stream', model: champion?.model }]);
    });

    test('a request for a prediction is answered by HTTP and gRPC, and logged', async () => {
      const tensor = (name: string, datatype: string, value: string | number) => ({
        name,
        datatype,
        shape: [1, 1],
        data: [value],
      });
      const inputs = [tensor('region', 'BYTES', 'south'), tensor('discount', 'FP32', 0.2), tensor('hour', 'FP32', 5)];
      const answer = await post(`${deployment.url}/v2/models/orders/infer`, { id: 'r1', inputs });
      expect(answer).toMatchObject({ status: 200, body: { model_name: 'orders', id: 'r1' } });
      const inference = inferenceClient(deployment.inferenceAddress);
      const same = orderRequest([{ region: 'south', discount: 0.2, hour: 5 }], { id: 'r2' });
      const byGrpc = await inference.call<InferAnswer>('ModelInfer', same);
      inference.close();
      const { model_version } = answer.body as { model_version: string };
      expect(byGrpc.modelVersion).toBe(model_version);
      for (const id of ['r1', 'r2']) {
        await eventually(`the record of ${id}`, async () => (await predictionsOf(id)).length > 0, { everyMs: 200 });
        expect(await predictionsOf(id)).toEqual([{ kind: 'request', model: Number(model_version) }]);
      }
    });

    test('people ask for a turn and go back to a former model', async () => {
      expect(await post(`${api}/pipelines/orders/retrain`, {})).toMatchObject({ status: 202 });
      const manual = await eventually(
        'the end of the turn',
        async () => (await turns()).find(({ reason, outcome }) => reason === 'manual' && outcome !== null),
        { timeoutMs: 60_000, everyMs: 200 },
      );
      expect(['promoted', 'no-model']).toContain(manual.outcome);
      expect(await post(`${api}/pipelines/orders/rollback`, { model: 1, reason: 'a test' })).toMatchObject({
        status: 200,
      });
      const infer = orderRequest([{ region: 'south', discount: 0.2, hour: 5 }]);
      const inference = inferenceClient(deployment.inferenceAddress);
      await eventually('the former model to answer', async () => {
        const { modelVersion } = await inference.call<InferAnswer>('ModelInfer', infer);
        return modelVersion === '1';
      });
      inference.close();
    });

    test('the audit finds nothing', async () => {
      expect((await audited(deployment)).violations).toEqual([]);
      expect(await turnsOf(deployment.ports.bus, 'orders')).toHaveLength(
        (await turns()).filter(({ turn }) => turn !== null).length,
      );
    });

    test('the state that is stored is the one that log and blobs give', async () => {
      await atRest(deployment);
      const { status, body } = await get(`${api}/state`);
      const { difference, stored, rebuilt } = body as Verification;
      expect({ status, difference }).toEqual({ status: 200, difference: null });
      expect(rebuilt).toEqual(stored);
    });
  });
}
