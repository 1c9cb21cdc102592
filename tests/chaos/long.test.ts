import { writeFileSync } from 'node:fs';
import { type Chance, seededChance } from '@relearn/kernel';
import { describe, expect, inject, test } from 'vitest';
import { atRest } from '../e2e/modes.js';
import { get } from '../e2e/wire.js';
import { eventually, temporaryFolder } from '../e2e/world.js';
import { distributedStage } from './distributed-stage.js';
import { disturb } from './disturb.js';
import { shortfalls } from './effort.js';
import type { Disturbances } from './ledger.js';
import { applyPipeline, pipelineName } from './live-pipeline.js';
import { Producer } from './producer.js';
import { embeddedStage, type Stage } from './stage.js';
import { type Verdict, verdictOf } from './verdict.js';

/** `npm run chaos` asks for more; see run.mjs. */
const settings = JSON.parse(process.env['RELEARN_CHAOS'] ?? '{}') as Readonly<Record<string, string>>;
const seed = Number(settings['seed'] ?? 1);
/** Modes with engines of others take minutes: they run when they are asked for. */
const asked = settings['modes']?.split(',') ?? ['embedded'];
const engines = inject('engines');

interface Mode {
  readonly name: string;
  readonly lacks: readonly string[];
  readonly kills: number;
  readonly lifeMs: readonly [number, number];
  readonly mishapEvery: number;
  stage(folder: string, chance: Chance): Promise<Stage>;
}

/** A process must live longer than its consumers' groups take to notice that it is there again. */
const modes: readonly Mode[] = [
  { name: 'embedded', lacks: [], kills: 4, lifeMs: [300, 2_500], mishapEvery: 8, stage: embeddedStage },
  ...(['kafka', 'nats'] as const).map((bus) => ({
    name: bus,
    lacks: [bus, 'mongodb', 'control'].filter((name) => engines[name as 'control'] === null),
    kills: 12,
    lifeMs: [2_000, 24_000] as const,
    mishapEvery: 4,
    stage: (folder: string, chance: Chance) => distributedStage(bus, folder, chance),
  })),
];

/** Everything after a run must be found within it, on a machine that does other work too. */
const patience = { timeoutMs: 900_000, everyMs: 500 };

describe.each(modes.filter(({ name }) => asked.includes(name)))('$name', (mode) => {
  const kills = Number(settings['kills'] ?? mode.kills);
  const missing = mode.lacks.length === 0 ? '' : ` (not run: no ${mode.lacks.join(', no ')})`;

  test.skipIf(mode.lacks.length > 0)(
    `${kills} kills while data flows lose nothing and double nothing${missing}`,
    async () => {
      const folder = await temporaryFolder();
      const chance = seededChance(seed);
      const stage = await mode.stage(folder.path, chance);
      try {
        const { disturbances, producer, verdict, seconds } = await live(stage, mode, kills, chance);
        const { mishapEvery } = mode;
        const short = shortfalls({ kills, mishapEvery, victims: stage.victims }, disturbances, verdict.acknowledged);
        const mistreated = Object.fromEntries(producer.mistreated);
        tell(mode, { finished: true, seconds, short, mistreated, ...toldOf(disturbances), ...verdict });
        const { lost, doubled, unscored, scoredTwice, controlTwice, deadLetters, unbalanced, violations } = verdict;
        const { crashes } = disturbances;
        const ofLog = { lost, doubled, unscored, scoredTwice, controlTwice, deadLetters, unbalanced, violations };
        const wrong = { ...ofLog, crashes, short };
        expect(wrong).toEqual(Object.fromEntries(Object.keys(wrong).map((what) => [what, []])));
        expect(verdict.turns['promoted'] ?? 0).toBeGreaterThanOrEqual(2);
      } catch (thrown) {
        console.error(await stage.logs());
        throw thrown;
      } finally {
        await stage.end();
        await folder.remove();
      }
    },
    1_800_000 + kills * 60_000,
  );
});

/** For the report; also while it goes on, for a run that does not come to its end. */
function tell({ name }: Mode, told: object): void {
  const report = settings['report'];
  const text = JSON.stringify({ mode: name, seed, ...told });
  if (report !== undefined) writeFileSync(`${report}.${name}.json`, text);
  if ('finished' in told) console.log(text);
}

interface Lived {
  readonly disturbances: Disturbances;
  readonly producer: Producer;
  readonly verdict: Verdict & { readonly violations: readonly unknown[]; readonly events: number };
  readonly seconds: number;
}

/** Data flows from a first model on, while everything dies; then all runs, and the log is read. */
async function live(stage: Stage, mode: Mode, kills: number, chance: Chance): Promise<Lived> {
  const began = performance.now();
  await applyPipeline(stage.url);
  const producer = new Producer(stage.url, chance);
  producer.start();
  try {
    await eventually('a first model', () => served(stage), patience);
    const modelServedAt = Date.now() + 5_000;
    const disturbances = await disturbed(stage, mode, kills, chance);
    await eventually('two promotions', async () => (await promotions(stage)) >= 2, patience);
    await producer.stop();
    await atRest(stage, patience);
    const { violations, events } = (await get(`${stage.url}/api/v1/audit`)).body as {
      violations: unknown[];
      events: number;
    };
    await stage.stop();
    const verdict = await read(stage, producer, modelServedAt);
    const seconds = Math.round((performance.now() - began) / 1000);
    return { disturbances, producer, verdict: { ...verdict, violations, events }, seconds };
  } finally {
    producer.giveUp();
  }
}

async function disturbed(stage: Stage, mode: Mode, kills: number, chance: Chance): Promise<Disturbances> {
  const { lifeMs, mishapEvery } = mode;
  const onKill = (soFar: Disturbances) => {
    if (soFar.total() % 10 === 0) tell(mode, toldOf(soFar));
    if (soFar.total() % 50 === 0) console.log(`${mode.name}: ${soFar.total()} of ${kills} kills`);
  };
  return await disturb(stage.victims, { kills, chance, lifeMs, mishapEvery, onKill });
}

async function read(stage: Stage, producer: Producer, modelServedAt: number): Promise<Verdict> {
  const opened = await stage.open();
  try {
    return await verdictOf(opened.ports, producer, modelServedAt);
  } finally {
    await opened.close();
  }
}

async function promotions({ url }: Stage): Promise<number> {
  const answer = await get(`${url}/api/v1/pipelines/${pipelineName}/turns`).catch(() => null);
  const { turns = [] } = (answer?.body ?? {}) as { turns?: readonly { readonly outcome: string | null }[] };
  return turns.filter(({ outcome }) => outcome === 'promoted').length;
}

async function served({ url }: Stage): Promise<boolean> {
  const answer = await get(`${url}/v2/models/${pipelineName}/ready`).catch(() => null);
  return answer?.status === 200;
}

function toldOf(disturbances: Disturbances) {
  const { kills, mishaps, crashes } = disturbances;
  const plain = (counts: ReadonlyMap<string, ReadonlyMap<string, number>>) =>
    Object.fromEntries([...counts].map(([name, ways]) => [name, Object.fromEntries(ways)]));
  return { kills: disturbances.total(), byVictim: plain(kills), mishaps: plain(mishaps), crashes };
}
