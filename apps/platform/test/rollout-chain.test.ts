import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLog } from '@relearn/audit';
import { modelEvaluated, retrainRequested, rolloutEnded, rolloutJudged } from '@relearn/contracts';
import { mulberry32, RelearnError, sha256, systemKernel } from '@relearn/kernel';
import { createMonitoring } from '@relearn/monitoring';
import { createRegistry } from '@relearn/registry';
import { createServing, DataPlane, type ModelSignature, type OpenSessions, PredictionSpool } from '@relearn/serving';
import { afterEach, describe, expect, test } from 'vitest';
import { parsePipeline } from '../src/pipeline/parse.js';
import { day, openWorld, pipeline, pipelineFile, start, type World } from './memory-world.js';

/** How a model fares; its bytes are its JSON. */
interface Behaviour {
  /** Makes other bytes of the same behaviour. */
  readonly name: string;
  /** Share of runs that fail. */
  readonly fails: number;
  readonly medianMs: number;
  /** Null: no number. */
  readonly probability: number | null;
}

const unloadable = 'unloadable';

const signature: ModelSignature = {
  inputs: [{ name: 'weight', datatype: 'FP32', shape: [-1, 1] }],
  outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
};

/** Models that behave as told, in place of a runtime; what one is tried with when it is loaded always goes well. */
function behaving(): OpenSessions {
  const draw = mulberry32(5);
  const models = new Map<number, Behaviour>();
  return ({ onFree }) => ({
    start: () => undefined,
    free: true,
    takesNext: false,
    async load(session, bytes, digest) {
      if (sha256(bytes) !== digest) throw new RelearnError('CORRUPT', 'other bytes');
      const model = JSON.parse(Buffer.from(bytes).toString('utf8')) as Behaviour;
      if (model.name === unloadable) throw new RelearnError('INVALID_INPUT', 'no model in there');
      models.set(session, model);
      return signature;
    },
    release: async (session) => void models.delete(session),
    async run({ session, inputs }) {
      const model = models.get(session);
      if (model === undefined) throw new RelearnError('INTERNAL', 'it is not loaded');
      const bytes = Buffer.concat(inputs[0]?.pieces ?? []);
      const tried = bytes.every((byte) => byte === 0);
      systemKernel.clock.after(0, onFree);
      if (!tried && draw() < model.fails) throw new RelearnError('INTERNAL', 'it broke');
      const rows = bytes.byteLength / 4;
      const said = new Float32Array(rows).fill(model.probability ?? Number.NaN);
      const outputs = [{ shape: [rows, 1], bytes: new Uint8Array(said.buffer) }];
      return { outputs, computeMs: model.medianMs * (0.6 + 0.8 * draw()) };
    },
    stop: () => Promise.resolve(),
  });
}

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.splice(0).reverse()) await clean();
});

/** Registry, serving and monitoring over one log, with a spool; a turn's model comes from a story. */
async function openChain(rollout: string) {
  const world = await openWorld();
  const folder = mkdtempSync(join(tmpdir(), 'relearn-chain-'));
  cleanUp.push(() => rmSync(folder, { recursive: true, force: true }), world.stop);
  const { ports } = world;
  const registry = createRegistry(ports, { deadlines: false, parse: parsePipeline });
  const monitoring = createMonitoring(ports);
  const spool = new PredictionSpool(ports, { folder });
  let answers = 0;
  const serving = createServing(ports, {
    sessions: behaving(),
    log(records) {
      for (const { arm, answered } of records) if (arm === 'challenger' && answered === undefined) answers += 1;
      spool.log(records);
    },
  });
  await world.start([...registry.parts, ...monitoring.parts, spool, ...serving.parts]);
  const { spec, digest } = parsePipeline(`${pipelineFile}rollout: ${rollout}\n`, 'parcels.yaml');
  await registry.commands.apply(spec, digest, 'test');
  spool.shipTo(ports, ports.workers);
  return {
    world,
    folds: [registry, monitoring, serving].flatMap(({ deciders = [] }) => deciders).map((decider) => ({ decider })),
    plane: new DataPlane(serving.host, ports.kernel, 'test'),
    /** Requests that the challenger was given. */
    answers: () => answers,
    /** All that was answered has been judged. */
    async judged() {
      while (spool.depth > 0) await ports.kernel.clock.sleep(1);
      await ports.activity.idle(ports.bus);
    },
  };
}

/** A turn that evaluates the model as passed, against the champion in place. */
async function turn({ ports, given, blob }: World, number: number, behaviour: Behaviour): Promise<void> {
  const time = start + number * day;
  const request = `r${number}`;
  await given(retrainRequested, { request, reason: 'manual', causes: [], cut: {}, labelled: 100 }, time);
  const reference = await blob({ profile: { columns: {} }, drift: {}, windowRows: 1, performance: {}, error: null });
  const files = {
    'model.onnx': await blob(behaviour),
    'signature.json': await blob(signature),
    'reference.json': reference,
    'lineage.json': await blob({ data: { manifest: await blob({ number, shards: [] }), hash: `data-${number}` } }),
  };
  const bundle = await blob({ files });
  const champion = ports.catalog.inForce(pipeline)?.champion.bundle ?? null;
  const gates = [{ name: 'roc_auc', verdict: 'passed' as const, value: 0.8, threshold: 0.7, detail: '' }];
  const told = { turn: `${pipeline}-${number}`, request, bundle, reference, champion, gates, rows: 50 };
  await given(modelEvaluated, { ...told, verdict: 'passed', metrics: {}, championMetrics: null }, time + 1);
}

const good: Behaviour = { name: 'good', fails: 0, medianMs: 20, probability: 0.9 };
const canary = '{ strategy: canary, steps: [0.1, 0.5], requests: 400, judge: { min_agreement: 0.9 } }';

function ask(plane: DataPlane, id: number) {
  const bytes = new Uint8Array(new Float32Array([id]).buffer);
  const input = { name: 'weight', datatype: 'FP32', shape: [1, 1], data: { kind: 'raw' as const, bytes } };
  const names = { modelName: pipeline, modelVersion: '', id: `q${id}`, parameters: {} };
  const request = { ...names, inputs: [input], outputs: [], bothKinds: undefined, surplusRaw: false };
  return plane.infer(request, { deadline: Number.POSITIVE_INFINITY, cancelled: false });
}

/** Asks until the challenger that behaves so has ended; tells how, and how many requests it was given. */
async function tried(challenger: Behaviour, rollout = canary) {
  const { world, plane, answers, judged, folds } = await openChain(rollout);
  const { ports } = world;
  const { catalog, kernel } = ports;
  await turn(world, 1, good);
  await turn(world, 2, challenger);
  const ends: string[] = [];
  const reasons: string[] = [];
  cleanUp.push(
    catalog.listen((event) => {
      if (rolloutEnded.is(event)) ends.push(event.data.outcome);
      if (rolloutJudged.is(event)) reasons.push(...event.data.reasons);
    }),
  );
  while (!catalog.inForce(pipeline)?.challenger) await kernel.clock.sleep(1);
  const outcomes = { answered: 0, failed: 0 };
  for (let id = 1; ends.length === 0 && id < 20_000; id++) {
    await ask(plane, id).then(
      () => (outcomes.answered += 1),
      () => (outcomes.failed += 1),
    );
    if (id % 10 === 0) await judged();
  }
  await judged();
  const audit = await auditLog({ ...ports, clock: kernel.clock, folds });
  // The turns that the story tells have no snapshot and no training.
  const found = audit.violations.filter(({ invariant }) => !invariant.startsWith('no later stage'));
  expect(found).toEqual([]);
  return { ends, reasons, answers: answers(), outcomes, champion: catalog.inForce(pipeline)?.champion.model };
}

describe('from requests to the alias', () => {
  test('a good challenger answers its shares and becomes champion', async () => {
    const { ends, answers, outcomes, champion } = await tried({ ...good, name: 'as good' });
    expect({ ends, champion }).toEqual({ ends: ['promoted'], champion: 2 });
    expect(answers).toBeGreaterThanOrEqual(800);
    expect(outcomes.failed).toBe(0);
  });

  test.each<[string, Partial<Behaviour>, RegExp]>([
    ['fails 5 % of its requests', { fails: 0.05 }, /^errors: /],
    ['takes twice as long', { medianMs: 40 }, /^latency: /],
    ['says something else', { probability: 0.1 }, /^agreement: /],
    ['says no number', { probability: null }, /^errors: /],
  ])('one that %s is rolled back within 500 of them', async (_, change, reason) => {
    const { ends, reasons, answers, champion } = await tried({ ...good, ...change, name: 'bad' });
    expect({ ends, champion }).toEqual({ ends: ['rolled-back'], champion: 1 });
    expect(reasons.some((one) => reason.test(one))).toBe(true);
    expect(answers).toBeLessThanOrEqual(500);
  });

  test('a shadow that is slow is rolled back, and no request has seen it', async () => {
    const shadow = '{ strategy: shadow, requests: 400 }';
    const { ends, reasons, answers, outcomes } = await tried({ ...good, medianMs: 40, fails: 0.05 }, shadow);
    expect(ends).toEqual(['rolled-back']);
    expect(reasons.join()).toMatch(/latency|errors/);
    expect([answers, outcomes.failed]).toEqual([0, 0]);
  });

  test('one that cannot be loaded keeps nobody from the champion', async () => {
    const { world, plane } = await openChain(canary);
    await turn(world, 1, good);
    await turn(world, 2, { ...good, name: unloadable });
    expect(world.ports.catalog.inForce(pipeline)?.challenger?.model).toBe(2);
    for (let id = 1; id <= 20; id++) {
      const { model, arm } = await ask(plane, id);
      expect([model.version, arm]).toEqual(['1', undefined]);
    }
    await turn(world, 3, { ...good, name: 'another' });
    expect(world.ports.catalog.inForce(pipeline)?.challenger?.model).toBe(3);
    while ((await ask(plane, 21)).arm === undefined) await world.ports.kernel.clock.sleep(1);
  });
});
