import { writeFile } from 'node:fs/promises';
import { type Chance, seededChance } from '@relearn/kernel';
import { describe, expect, inject, test } from 'vitest';
import { atRest } from '../e2e/modes.js';
import { get } from '../e2e/wire.js';
import { eventually, temporaryFolder } from '../e2e/world.js';
import { disturb, type Disturbances } from './disturb.js';
import { pipelineFile, pipelineName } from './live-pipeline.js';
import { Producer } from './producer.js';
import { distributedStage, embeddedStage, type Stage } from './stage.js';
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
  stage(folder: string): Promise<Stage>;
}

/** A process must live longer than its consumers' groups take to notice that it is there again. */
const modes: readonly Mode[] = [
  { name: 'embedded', lacks: [], kills: 4, lifeMs: [300, 4_000], stage: embeddedStage },
  ...(['kafka', 'nats'] as const).map((bus) => ({
    name: bus,
    lacks: [bus, 'mongodb', 'control'].filter((name) => engines[name as 'control'] === null),
    kills: 12,
    lifeMs: [2_000, 16_000] as const,
    stage: (folder: string) => distributedStage(bus, folder),
  })),
];

describe.each(modes.filter(({ name }) => asked.includes(name)))('$name', (mode) => {
  const kills = Number(settings['kills'] ?? mode.kills);
  const missing = mode.lacks.length === 0 ? '' : ` (not run: no ${mode.lacks.join(', no ')})`;

  test.skipIf(mode.lacks.length > 0)(
    `${kills} kills while data flows lose nothing and double nothing${missing}`,
    async () => {
      const folder = await temporaryFolder();
      const stage = await mode.stage(folder.path);
      try {
        const { disturbances, verdict, seconds } = await live(stage, mode, kills, seededChance(seed));
        const told = { mode: mode.name, seed, seconds, ...toldOf(disturbances), ...verdict };
        console.log(JSON.stringify(told));
        const report = settings['report'];
        if (report !== undefined) await writeFile(`${report}.${mode.name}.json`, JSON.stringify(told));
        const { lost, doubled, unscored, scoredTwice, controlTwice, unbalanced, violations } = verdict;
        const none = { lost: [], doubled: [], unscored: [], scoredTwice: [], controlTwice: [] };
        expect({ lost, doubled, unscored, scoredTwice, controlTwice, unbalanced, violations }).toEqual({
          ...none,
          unbalanced: [],
          violations: [],
        });
        expect(disturbances.total()).toBeGreaterThanOrEqual(kills);
        expect(verdict.turns['promoted'] ?? 0).toBeGreaterThanOrEqual(2);
      } catch (thrown) {
        console.error(await stage.logs());
        throw thrown;
      } finally {
        await stage.end();
        await folder.remove();
      }
    },
    240_000 + kills * 20_000,
  );
});

interface Told {
  readonly disturbances: Disturbances;
  readonly verdict: Verdict & { readonly violations: readonly unknown[]; readonly events: number };
  readonly seconds: number;
}

/** Data flows from a first model on, while everything dies; then all runs, and the log is read. */
async function live(stage: Stage, mode: Mode, kills: number, chance: Chance): Promise<Told> {
  const began = performance.now();
  const api = `${stage.url}/api/v1`;
  const applied = await fetch(`${api}/pipelines`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'chaos.yaml', file: pipelineFile }),
  });
  expect(applied.status, await applied.text()).toBeLessThan(300);
  const producer = new Producer(stage.url, chance);
  producer.start();
  const patience = { timeoutMs: 120_000, everyMs: 300 };
  await eventually('a first model', async () => (await served(stage)) && true, patience);
  const modelServedAt = Date.now() + 5_000;
  const promotions = async () => (await turns(stage)).filter(({ outcome }) => outcome === 'promoted').length;
  const lifeMs = mode.lifeMs;
  const onKill = (total: number) => total % 50 === 0 && console.log(`${mode.name}: ${total} of ${kills} kills`);
  const disturbances = await disturb(stage.victims, { kills, chance, lifeMs, freezeMs: 12_000, onKill });
  await eventually('two promotions', async () => (await promotions()) >= 2, patience);
  await producer.stop();
  await atRest(stage);
  const { violations, events } = (await get(`${api}/audit`)).body as { violations: unknown[]; events: number };
  await stage.stop();
  const opened = await stage.open();
  try {
    const verdict = await verdictOf(opened.ports, producer, modelServedAt);
    const seconds = Math.round((performance.now() - began) / 1000);
    return { disturbances, verdict: { ...verdict, violations, events }, seconds };
  } finally {
    await opened.close();
  }
}

async function served({ url }: Stage): Promise<boolean> {
  const answer = await get(`${url}/v2/models/${pipelineName}/ready`).catch(() => null);
  return answer?.status === 200;
}

async function turns({ url }: Stage): Promise<readonly { readonly outcome: string | null }[]> {
  const answer = await get(`${url}/api/v1/pipelines/${pipelineName}/turns`).catch(() => null);
  return (answer?.body as { turns?: { outcome: string | null }[] } | undefined)?.turns ?? [];
}

function toldOf(disturbances: Disturbances) {
  const { kills, freezes } = disturbances;
  const byVictim = Object.fromEntries([...kills].map(([name, ways]) => [name, Object.fromEntries(ways)]));
  return { kills: disturbances.total(), byVictim, freezes: Object.fromEntries(freezes) };
}
