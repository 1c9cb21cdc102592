import { join } from 'node:path';
import {
  type DataOf,
  type EventType,
  modelPromoted,
  pipelineEnded,
  type predictionLogged,
  rolloutAdvanced,
  rolloutEnded,
  rolloutJudged,
  rolloutStarted,
} from '@relearn/contracts';
import { expect, test } from 'vitest';
import { cleanUpAfterEach } from './clean-up.js';
import { eventsOf } from './log.js';
import { numbers, orders, ordersPipeline, writePipeline } from './tables.js';
import { get, type InferAnswer, inferenceClient, orderRequest, post } from './wire.js';
import { auditAtRest, eventually, modelServed, replaysDone, startWorld, temporaryFolder, type World } from './world.js';

const cleanUp = cleanUpAfterEach();

interface Given {
  readonly rollout: string;
  /** From this day on labels say the opposite. */
  readonly turnsOnDay?: number;
}

/** A platform whose first model serves, with all its data replayed; the second is asked for and being rolled out. */
async function rollingOut({ rollout, turnsOnDay }: Given): Promise<Asking> {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const retrain = 'retrain: { performance: null, drift: null, cooldown: 1d }';
  const pipeline = ordersPipeline({ tolerance: 0.5, more: `${retrain}\nrollout: ${rollout}\n` });
  const table = orders({ rows: 1200, perDay: 150, ...(turnsOnDay === undefined ? {} : { turnsOnDay }) });
  const file = await writePipeline(folder.path, 'orders', table, pipeline);
  const world = await startWorld({ folder: join(folder.path, 'data') });
  cleanUp.push(world.stop);
  await world.platform.replays.start(file, { speed: 1_000_000, turnShare: 1 });
  await modelServed(world, 'orders');
  await replaysDone(world);
  // The second model is to see all of it.
  const { activity, bus } = world.platform.ports;
  await activity.idle(bus);
  const asking = new Asking(world);
  cleanUp.push(async () => asking.client.close());
  await asking.rollOut(2);
  return asking;
}

interface State {
  readonly champion: number;
  readonly rollout: { readonly model: number; readonly step: number; readonly share: number } | null;
  readonly pinned: boolean;
}

interface Answer {
  readonly key: string;
  readonly version: string;
  readonly arm: string | undefined;
}

/** Asks for predictions as users with keys of their own. */
class Asking {
  readonly world: World;
  readonly client: ReturnType<typeof inferenceClient>;
  readonly answers: Answer[] = [];
  private readonly draw = numbers(3);
  private count = 0;

  constructor(world: World) {
    this.world = world;
    this.client = inferenceClient(world.platform.grpcAddress);
  }

  async ask(): Promise<Answer> {
    const key = `user-${Math.floor(this.draw() * 60)}`;
    this.count += 1;
    const row = { region: 'north', discount: Math.round(this.draw() * 1000) / 1000, hour: this.count % 24 };
    const parameters = { sticky_key: { stringParam: key } };
    const request = orderRequest([row], { id: `q${this.count}`, parameters });
    const answer = await this.client.call<InferAnswer & { parameters: Record<string, { stringParam?: string }> }>(
      'ModelInfer',
      request,
    );
    const told = { key, version: answer.modelVersion, arm: answer.parameters['arm']?.stringParam };
    this.answers.push(told);
    return told;
  }

  /** Asks, request after request, until there is no rollout any more. */
  async askUntilItEnds(most: number): Promise<void> {
    for (let asked = 0; asked < most; asked += 20) {
      for (let one = 0; one < 20; one++) await this.ask();
      if ((await this.state()).rollout === null) return;
    }
    throw new Error(`the rollout goes on after ${most} requests`);
  }

  async state(): Promise<State> {
    return (await get(`${this.world.platform.url}/api/v1/pipelines/orders`)).body as State;
  }

  /** A retrain, whose model is then tried: in the log, and where requests are answered. */
  async rollOut(model: number): Promise<void> {
    await this.told('retrain', {});
    await eventually('the rollout', async () => (await this.state()).rollout?.model === model);
    await eventually('the challenger to be loaded', async () => (await this.ask()).arm !== undefined);
  }

  async told(command: string, body: object): Promise<void> {
    const { status } = await post(`${this.world.platform.url}/api/v1/pipelines/orders/${command}`, body);
    expect(status).toBeLessThan(300);
  }

  async control<T extends EventType>(type: T): Promise<DataOf<T>[]> {
    const events = await eventsOf(this.world.platform.ports.bus, 'control');
    return events.filter((event) => type.is(event)).map(({ data }) => data as DataOf<T>);
  }
}

test('a good canary goes step by step to promotion; who is in it stays in it', async () => {
  const rollout = '{ strategy: canary, steps: [0.2, 0.5], requests: 60, judge: { min_agreement: 0.5 } }';
  const asking = await rollingOut({ rollout });
  await asking.askUntilItEnds(3_000);

  expect(await asking.control(rolloutStarted)).toMatchObject([{ turn: 'orders-2', model: 2, champion: { model: 1 } }]);
  expect(await asking.control(rolloutJudged)).toMatchObject([
    { step: 0, verdict: 'advance' },
    { step: 1, verdict: 'promote' },
  ]);
  expect(await asking.control(rolloutAdvanced)).toMatchObject([{ step: 1, share: 0.5 }]);
  expect(await asking.control(rolloutEnded)).toMatchObject([{ outcome: 'promoted' }]);
  expect(await asking.control(modelPromoted)).toMatchObject([
    { model: 1 },
    { model: 2, turn: 'orders-2', evidence: { kind: 'evaluation' } },
  ]);
  const ends = await asking.control(pipelineEnded);
  expect(ends.filter(({ turn }) => turn === 'orders-2')).toMatchObject([{ outcome: 'promoted' }]);

  const versionsOf = new Map<string, string[]>();
  for (const { key, version } of asking.answers) versionsOf.set(key, [...(versionsOf.get(key) ?? []), version]);
  // As the share grows a user goes over once, and nobody goes back.
  for (const versions of versionsOf.values()) expect(versions).toEqual([...versions].sort());
  expect(new Set(asking.answers.map(({ version }) => version))).toEqual(new Set(['1', '2']));
  const named = asking.answers.filter(({ arm }) => arm !== undefined);
  expect(named.every(({ version, arm }) => arm === (version === '2' ? 'challenger' : 'champion'))).toBe(true);
  await eventually('the promoted model alone', async () => (await asking.ask()).version === '2');
  expect((await auditAtRest(asking.world)).violations).toEqual([]);
});

test('a bad canary is rolled back within 500 of its requests, and nothing else changes', async () => {
  // Trained and judged on labels that say the opposite of what the first model had learnt: it passes its gates.
  const rollout = '{ strategy: canary, steps: [0.1, 0.5], requests: 1000, judge: { min_agreement: 0.8 } }';
  const asking = await rollingOut({ rollout, turnsOnDay: 4 });
  await asking.askUntilItEnds(5_000);

  const answered = asking.answers.filter(({ version }) => version === '2');
  expect(answered.length).toBeGreaterThan(0);
  expect(answered.length).toBeLessThanOrEqual(500);
  const [judged] = await asking.control(rolloutJudged);
  expect(judged).toMatchObject({ verdict: 'rollback', step: 0, reasons: [expect.stringMatching(/^agreement: /)] });
  expect(await asking.control(rolloutEnded)).toMatchObject([{ outcome: 'rolled-back' }]);
  expect((await asking.control(pipelineEnded)).at(-1)).toMatchObject({ turn: 'orders-2', outcome: 'no-model' });
  await eventually('the champion alone', async () => (await asking.ask()).arm === undefined);
  for (let one = 0; one < 50; one++) expect((await asking.ask()).version).toBe('1');
  expect((await asking.state()).champion).toBe(1);
  expect((await auditAtRest(asking.world)).violations).toEqual([]);
});

test('a rollout goes on where it was when the platform is started again, and its state is what the log gives', async () => {
  const asking = await rollingOut({ rollout: '{ strategy: canary, steps: [0.4], requests: 500 }' });
  for (let one = 0; one < 100; one++) await asking.ask();
  await asking.world.stop();
  const world = await startWorld({ folder: asking.world.folder });
  cleanUp.push(world.stop);
  const again = new Asking(world);
  cleanUp.push(async () => again.client.close());
  const { rollout, champion } = await again.state();
  expect({ champion, rollout }).toMatchObject({ champion: 1, rollout: { model: 2, step: 0, share: 0.4 } });
  for (let one = 0; one < 100; one++) await again.ask();
  const versionOf = new Map<string, string>();
  for (const { key, version, arm } of asking.answers) if (arm !== undefined) versionOf.set(key, version);
  for (const { key, version } of again.answers) expect(version).toBe(versionOf.get(key) ?? version);
  expect(new Set(again.answers.map(({ arm }) => arm))).toEqual(new Set(['champion', 'challenger']));
  expect((await auditAtRest(world)).violations).toEqual([]);
  const { difference } = (await get(`${world.platform.url}/api/v1/state`)).body as { difference: string | null };
  expect(difference).toBeNull();
});

test('a shadow answers nobody until it is promoted, and a pin keeps what serves', async () => {
  const asking = await rollingOut({ rollout: '{ strategy: shadow, requests: 100, judge: { min_agreement: 0.5 } }' });
  for (let one = 0; one < 50; one++) expect(await asking.ask()).toMatchObject({ version: '1', arm: 'champion' });
  await asking.told('pin', { reason: 'a test' });
  await eventually('the end of the rollout', async () => (await asking.state()).rollout === null);
  expect(await asking.state()).toMatchObject({ champion: 1, pinned: true });
  expect(await asking.control(rolloutEnded)).toMatchObject([{ outcome: 'superseded' }]);
  const refused = await post(`${asking.world.platform.url}/api/v1/pipelines/orders/promote`, { model: 2 });
  expect(refused).toMatchObject({ status: 409, body: { error: { code: 'REFUSED', message: 'model 1 is pinned' } } });

  await asking.told('unpin', { reason: 'over' });
  const before = asking.answers.length;
  await asking.rollOut(3);
  await asking.askUntilItEnds(1_000);
  const [judged, ...more] = await asking.control(rolloutJudged);
  expect(more).toEqual([]);
  expect(judged).toMatchObject({ model: 3, verdict: 'promote' });
  // Told in batches, as they come from the log.
  expect((judged as { totalRequests: number }).totalRequests).toBeGreaterThanOrEqual(100);
  expect((judged as { totalRequests: number }).totalRequests).toBeLessThan(250);
  const during = asking.answers.slice(before).filter(({ arm }) => arm !== undefined);
  expect(new Set(during.map(({ version }) => version))).toEqual(new Set(['1']));
  const logged = (await eventsOf(asking.world.platform.ports.bus, 'predictions')).map(
    ({ data }) => data as DataOf<typeof predictionLogged>,
  );
  const mirrored = logged.filter(({ kind }) => kind === 'mirror');
  expect(mirrored.length).toBeGreaterThanOrEqual(100);
  expect(mirrored.every(({ arms }) => arms.map(({ arm }) => arm).join() === 'champion,challenger')).toBe(true);
  expect((await auditAtRest(asking.world)).violations).toEqual([]);
});
