import { modelEvaluated, retrainRequested } from '@relearn/contracts';
import { systemClock } from '@relearn/kernel';
import { createRegistry, registryService } from '@relearn/registry';
import { GrpcChannel, grpcServer } from '@relearn/rpc/grpc';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parsePipeline } from '../src/pipeline/parse.js';
import { day, iso, openWorld, pipeline, pipelineFile, start, type World } from './memory-world.js';

let world: World;
let registry: ReturnType<typeof createRegistry>;
/** Whether unsigned bundles count. */
let lenient: boolean;

beforeEach(async () => {
  world = await openWorld();
  lenient = true;
  const exempt = Object.assign(new Set<string>(), { has: () => lenient });
  const trust = () => ({ keys: new Map(), exempt });
  registry = createRegistry(world.ports, { deadlines: false, parse: parsePipeline, trust });
  world.rpc.add(registryService, registry.rpc);
  await world.start(registry.parts);
});

afterEach(() => world.stop());

const client = () => world.rpc.client(registryService);

/** A turn whose evaluation bundles a model; the champion's bundle is what it was compared with. */
async function turn(number: number, verdict: 'passed' | 'rejected', champion: string | null): Promise<string> {
  const time = start + number * day;
  const request = `r${number}`;
  const requested = { request, reason: 'manual' as const, causes: [], cut: {}, labelled: 100 };
  await world.given(retrainRequested, requested, time);
  const lineage = await world.blob({ turn: number });
  const reference = await world.blob({ reference: number });
  const bundle = await world.blob({ files: { 'lineage.json': lineage, 'reference.json': reference } });
  const evaluated = {
    turn: `${pipeline}-${number}`,
    request,
    verdict,
    bundle,
    reference,
    champion,
    gates: [],
    metrics: { roc_auc: 0.7 + number / 100, log_loss: null },
    championMetrics: null,
    rows: 50,
  };
  await world.given(modelEvaluated, evaluated, time + 1);
  return bundle;
}

describe('where signatures are asked for', () => {
  it('nothing becomes champion without one: in no turn, and by nobody', async () => {
    await client().apply({ file: pipelineFile });
    const first = await turn(1, 'passed', null);
    const second = await turn(2, 'passed', first);
    expect((await registry.commands.state(pipeline)).champion?.bundle).toBe(second);
    lenient = false;
    await turn(3, 'passed', second);
    const state = await registry.commands.state(pipeline);
    expect([state.champion?.bundle, state.lastOutcome]).toEqual([second, 'no-model']);
    await expect(client().rollBack({ pipeline, reason: 'why' })).rejects.toThrow(/is refused: it is not signed/);
    await expect(client().promote({ pipeline, model: 1 })).rejects.toMatchObject({ code: 'REFUSED' });
    await expect(client().promote({ pipeline, model: 3 })).rejects.toThrow(/verdict is rejected/);
    expect((await registry.commands.state(pipeline)).champion?.bundle).toBe(second);
    lenient = true;
    expect(await client().rollBack({ pipeline, reason: 'why' })).toEqual({ champion: 1 });
  });
});

describe('relearn.v1.Registry', () => {
  it('applies a file, and the same file again changes nothing', async () => {
    const request = { file: pipelineFile };
    expect(await client().apply(request)).toEqual({ pipeline, version: 1, changed: true });
    expect(await client().apply(request)).toEqual({ pipeline, version: 1, changed: false });
    const { pipelines } = await client().listPipelines({});
    expect(pipelines).toMatchObject([
      { name: pipeline, version: 1, champion: 0, models: 0, turn: '', lastOutcome: '' },
    ]);
    const found = await client().getPipeline({ pipeline });
    expect(found.pipeline).toEqual(pipelines[0]);
    expect(JSON.parse(found.spec)).toMatchObject({ name: pipeline, entity: ['city'] });
  });

  it('names the place of an error in a file', async () => {
    const wrong = { file: pipelineFile.replace('task: binary', 'task: binarry'), name: 'mine.yaml' };
    await expect(client().apply(wrong)).rejects.toMatchObject({
      code: 'INVALID_PIPELINE',
      message: expect.stringMatching(/mine\.yaml:\d+:\d+.*binarry/s),
    });
  });

  it('tells models with their bundles, and turns', async () => {
    await client().apply({ file: pipelineFile });
    await expect(client().getModel({ pipeline })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const first = await turn(1, 'passed', null);
    const second = await turn(2, 'rejected', first);
    const { models } = await client().listModels({ pipeline });
    expect(models).toMatchObject([
      { model: 2, turn: 'parcels-2', bundle: second, verdict: 'rejected', promotedAt: '', champion: false },
      { model: 1, turn: 'parcels-1', bundle: first, verdict: 'passed', champion: true, frozen: true },
    ]);
    expect(models[1]?.metrics).toEqual({ roc_auc: 0.71 });
    expect(models[1]?.promotedAt).toBe(iso(start + day + 1));
    const champion = await client().getModel({ pipeline });
    expect(champion.model).toEqual(models[1]);
    expect(Object.keys(champion.files)).toEqual(['lineage.json', 'reference.json']);
    expect(JSON.parse((await client().getModel({ pipeline, model: 2 })).lineage)).toEqual({ turn: 2 });
    await expect(client().getModel({ pipeline, model: 3 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const { turns } = await client().listTurns({ pipeline });
    expect(turns).toMatchObject([
      { request: 'r2', turn: 'parcels-2', outcome: 'no-model', model: 2 },
      { request: 'r1', turn: 'parcels-1', outcome: 'promoted', model: 1, requestedAt: iso(start + day) },
    ]);
    expect((await client().listTurns({ pipeline, limit: 1 })).turns).toEqual(turns.slice(0, 1));
  });

  it('promotes and rolls back on evidence alone, in the name of who asks', async () => {
    await client().apply({ file: pipelineFile });
    const first = await turn(1, 'passed', null);
    await turn(2, 'passed', first);
    await turn(3, 'rejected', first);
    await expect(client().promote({ pipeline, model: 3 })).rejects.toMatchObject({ code: 'REFUSED' });
    await expect(client().rollBack({ pipeline, model: 3, reason: 'why not' })).rejects.toMatchObject({
      code: 'REFUSED',
    });
    const actors: (string | undefined)[] = [];
    const leave = world.ports.catalog.listen((event) => actors.push(event.actor));
    expect(await client().rollBack({ pipeline, reason: 'too slow' })).toEqual({ champion: 1 });
    const metadata = { 'relearn-actor': 'ada' };
    expect(await client().promote({ pipeline, model: 2 }, { metadata })).toEqual({ champion: 2 });
    await world.ports.activity.idle(world.ports.bus);
    leave();
    expect(actors).toEqual(['grpc', 'ada']);
    expect((await client().getModel({ pipeline })).model).toMatchObject({ model: 2, champion: true, frozen: false });
  });

  it.each(['getPipeline', 'listModels', 'getModel', 'listTurns'] as const)(
    '%s knows no other pipeline',
    async (name) => {
      await expect(client()[name]({ pipeline: 'constructor' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    },
  );

  it('answers over the network as in process', async () => {
    await client().apply({ file: pipelineFile });
    await turn(1, 'passed', null);
    const server = grpcServer({ address: '127.0.0.1:0', clock: systemClock, drainMs: 1_000 });
    server.add(registryService, registry.rpc);
    await server.start();
    const channel = new GrpcChannel({ address: `127.0.0.1:${server.port}`, clock: systemClock });
    try {
      const remote = channel.client(registryService);
      expect(await remote.getModel({ pipeline })).toEqual(await client().getModel({ pipeline }));
      await expect(remote.promote({ pipeline, model: 1 })).rejects.toMatchObject({ code: 'REFUSED' });
    } finally {
      await channel.close();
      await server.stop();
    }
  });
});
