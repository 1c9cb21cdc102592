import { join } from 'node:path';
import { type DataOf, modelPromoted, modelRolledBack, type predictionLogged } from '@relearn/contracts';
import { expect, test } from 'vitest';
import { cleanUpAfterEach } from './clean-up.js';
import { eventsOf } from './log.js';
import { orders, ordersPipeline, retrainByHand, writePipeline } from './tables.js';
import { type GrpcClient, type InferAnswer, inferenceClient, orderRequest, post } from './wire.js';
import { auditAtRest, eventually, modelServed, replaysDone, startWorld, temporaryFolder } from './world.js';

const inFlight = 8;
const cleanUp = cleanUpAfterEach();

interface Load {
  /** By request id: the version that answered. */
  readonly answers: Map<string, string>;
  readonly failures: unknown[];
  /** Versions that answered since it was last asked. */
  versions(): Set<string>;
  stop(): Promise<void>;
}

/** Asks without a pause, so many at once; none names a version. */
function startLoad(client: GrpcClient): Load {
  const answers = new Map<string, string>();
  const failures: unknown[] = [];
  let seen = new Set<string>();
  let running = true;
  const ask = async (who: number) => {
    for (let count = 0; running; count++) {
      const id = `load-${who}-${count}`;
      try {
        const rows = [{ region: 'north', discount: (count % 100) / 100, hour: who }];
        const { modelVersion } = await client.call<InferAnswer>('ModelInfer', orderRequest(rows, { id }));
        answers.set(id, modelVersion);
        seen.add(modelVersion);
      } catch (thrown) {
        failures.push(thrown);
      }
    }
  };
  const asking = Promise.all(Array.from({ length: inFlight }, (_, who) => ask(who)));
  return {
    answers,
    failures,
    versions() {
      const since = seen;
      seen = new Set();
      return since;
    },
    async stop() {
      running = false;
      await asking;
    },
  };
}

test('no request fails while models are promoted and rolled back', async () => {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const pipeline = ordersPipeline({ tolerance: 0.5, more: retrainByHand });
  const file = await writePipeline(folder.path, 'orders', orders({ rows: 900, perDay: 150 }), pipeline);
  const world = await startWorld({ folder: join(folder.path, 'data') });
  cleanUp.push(world.stop);
  const { ports, replays, url, grpcAddress } = world.platform;
  await replays.start(file, { speed: 1_000_000, turnShare: 1 });
  await modelServed(world, 'orders');
  await replaysDone(world);
  const client = inferenceClient(grpcAddress);
  cleanUp.push(async () => client.close());

  const load = startLoad(client);
  const order = async (command: string, body: object, version: string) => {
    const { status } = await post(`${url}/api/v1/pipelines/orders/${command}`, body);
    expect(status).toBeLessThan(300);
    load.versions();
    await eventually(`only answers of version ${version} after ${command}`, () => {
      const versions = [...load.versions()];
      return versions.length === 1 && versions[0] === version;
    });
  };
  await order('retrain', {}, '2');
  await order('rollback', { reason: 'a test' }, '1');
  await order('promote', { model: 2 }, '2');
  await load.stop();

  expect(load.failures).toEqual([]);
  expect(new Set(load.answers.values())).toEqual(new Set(['1', '2']));
  const control = await eventsOf(ports.bus, 'control');
  const moves = control.filter((event) => modelPromoted.is(event) || modelRolledBack.is(event));
  expect(moves.map(({ data }) => (data as { model: number }).model)).toEqual([1, 2, 1, 2]);

  const byId = await eventually('every answer in the log', async () => {
    const events = (await eventsOf(ports.bus, 'predictions')).map(
      ({ data }) => data as DataOf<typeof predictionLogged>,
    );
    const requests = events.filter(({ kind }) => kind === 'request');
    const rows = requests.flatMap(({ ids, arms }) => ids.map((id) => [id, String(arms[0]?.model)] as const));
    return rows.length >= load.answers.size && rows;
  });
  expect(byId).toHaveLength(load.answers.size);
  expect(new Map(byId)).toEqual(load.answers);
  expect((await auditAtRest(world)).violations).toEqual([]);
});
