import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { namesOf, type Plant, runPlants } from './plants.js';
import { countsText, plantsText, reportText, seedsText } from './report.js';
import { runSeed } from './run-seed.js';
import { runSeeds, type SeedsRun } from './seeds.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    processes: { type: 'string' },
    tail: { type: 'string', default: '60' },
    minutes: { type: 'string', default: '600' },
    planted: { type: 'boolean', default: false },
    bug: { type: 'string', multiple: true, default: [] },
    report: { type: 'string' },
  },
});

const processes = Number(values.processes ?? Math.min(2, availableParallelism()));
const from = Number(values.from);
const say = (line: string) => console.error(line);

/** Seeds with which a planted bug must be found. */
const seedsOfPlants = 1000;

/** One seed once more, with the end of its schedule. */
async function replay(seed: number, lines: number): Promise<number> {
  const { violations, layout, hash, faults, tail, virtualMs } = await runSeed(seed, { tail: lines });
  if (violations.length > 0) console.log([...tail, ''].join('\n'));
  console.log(`seed ${seed}: ${layout}, schedule ${hash}, ${(virtualMs / 1000).toFixed(1)} s of virtual time`);
  console.log(`faults: ${countsText(faults)}`);
  for (const violation of violations) console.log(`VIOLATION ${violation}`);
  if (violations.length === 0) console.log('everything holds');
  return violations.length;
}

async function seeds(count: number): Promise<SeedsRun> {
  const run = await runSeeds({ from, count, processes, minutes: Number(values.minutes), say });
  for (const { seed, layout, violations } of run.findings) {
    console.log(`seed ${seed} (${layout}); again: npm run simulate -- --seed ${seed}`);
    for (const violation of violations) console.log(`  VIOLATION ${violation}`);
  }
  console.log(seedsText(run));
  return run;
}

async function plants(count: number): Promise<Plant[]> {
  const all = await runPlants({ names: namesOf(values.bug), from, count, processes, say });
  console.log(plantsText(all));
  return all;
}

/** Answers how much does not hold. */
async function main(): Promise<number> {
  if (values.seed !== undefined) return await replay(Number(values.seed), Number(values.tail));
  const missed = (all: readonly Plant[]) => all.filter(({ found }) => found === null).length;
  if (values.planted) return missed(await plants(Number(values.seeds ?? seedsOfPlants)));
  const run = await seeds(Number(values.seeds ?? 300));
  if (values.report === undefined) return run.findings.length;
  const all = await plants(seedsOfPlants);
  await writeFile(values.report, reportText(run, from, all, new Date()));
  return run.findings.length + missed(all);
}

process.exitCode = (await main()) > 0 ? 1 : 0;
