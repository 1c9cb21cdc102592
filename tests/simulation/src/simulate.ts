import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { runSeed } from './run-seed.js';
import { plantedBugs } from './planted-bugs.js';
import type { Share, ShareResult } from './shard.js';

/** So many seeds with violations are enough of a share. */
const most = 20;

/** A seed's garbage dies young, and another thread that collects it takes a share's processor away. */
const memory = ['--max-semi-space-size=64', '--single-threaded-gc'];

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    processes: { type: 'string' },
    tail: { type: 'string', default: '60' },
    minutes: { type: 'string' },
    planted: { type: 'boolean', default: false },
    bug: { type: 'string' },
  },
});

/** One seed once more, with the end of its schedule. */
async function replay(seed: number, lines: number): Promise<number> {
  const { violations, layout, hash, faults, tail, virtualMs } = await runSeed(seed, { tail: lines });
  if (violations.length > 0) console.log([...tail, ''].join('\n'));
  console.log(`seed ${seed}: ${layout}, schedule ${hash}, ${(virtualMs / 1000).toFixed(1)} s of virtual time`);
  console.log(`faults: ${told(faults)}`);
  for (const violation of violations) console.log(`VIOLATION ${violation}`);
  if (violations.length === 0) console.log('everything holds');
  return violations.length;
}

function told(counts: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([name, count]) => `${name} ${count}`).join(', ');
}

async function runProcess(share: Share, onSeed: () => void = () => undefined): Promise<ShareResult> {
  const child = fork(new URL('./run-share.js', import.meta.url), { execArgv: memory });
  child.send(share);
  return await new Promise((resolve, reject) => {
    child.on('message', (message) => {
      if (message === 'seed') onSeed();
      else resolve(message as ShareResult);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`a share of the seeds ended with exit code ${code}`)));
  });
}

async function runMany(from: number, count: number, processes: number, minutes: number): Promise<number> {
  const began = performance.now();
  let done = 0;
  const onSeed = () => {
    done += 1;
    if (done % 1000 === 0) console.error(`${done} of ${count} seeds`);
  };
  const results = await Promise.all(
    Array.from({ length: processes }, (_, index) =>
      runProcess(
        { from: from + index, step: processes, count: Math.ceil((count - index) / processes), most, minutes },
        onSeed,
      ),
    ),
  );
  const sum = (of: (result: ShareResult) => number) => results.reduce((total, result) => total + of(result), 0);
  const merged = (of: (result: ShareResult) => Readonly<Record<string, number>>) => {
    const sums: Record<string, number> = {};
    for (const result of results)
      for (const [name, number] of Object.entries(of(result))) sums[name] = (sums[name] ?? 0) + number;
    return sums;
  };
  const findings = results.flatMap((result) => result.findings).sort((a, b) => a.seed - b.seed);
  for (const { seed, layout, violations } of findings) {
    console.log(`seed ${seed} (${layout}); again: npm run simulate -- --seed ${seed}`);
    for (const violation of violations) console.log(`  VIOLATION ${violation}`);
  }
  const seeds = sum((result) => result.seeds);
  const seconds = (performance.now() - began) / 1000;
  console.log(`${seeds} seeds in ${seconds.toFixed(0)} s, ${processes} processes,`);
  console.log(`  ${(sum((result) => result.cpuMs) / seeds).toFixed(0)} ms of CPU a seed`);
  console.log(
    `${sum((r) => r.turns)} turns, ${sum((r) => r.rollouts)} rollouts, ${sum((r) => r.steps)} steps, ${(sum((r) => r.virtualMs) / 3.6e6).toFixed(0)} h of virtual time`,
  );
  console.log(`layouts: ${told(merged((result) => result.layouts))}`);
  console.log(`faults: ${told(merged((result) => result.faults))}`);
  console.log(`${findings.length} seeds with violations`);
  return findings.length;
}

/** Plants each bug and looks for the first seed that finds it; answers how many are not found. */
async function runPlanted(names: readonly string[], from: number, count: number, processes: number): Promise<number> {
  const waiting = [...names];
  const lines = new Map<string, string>();
  let missed = 0;
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const { findings, seeds } = await runProcess({ from, step: 1, count, most: 1, planted: name });
      const [found] = findings;
      if (found === undefined) missed += 1;
      const what = found?.violations[0]?.slice(0, 160) ?? `not found in ${seeds} seeds`;
      lines.set(name, `| ${name} | ${found?.seed ?? 'none'} | ${what} |`);
      console.error(lines.get(name));
    }
  };
  await Promise.all(Array.from({ length: processes }, work));
  console.log('| planted bug | first seed that finds it | violation |\n|---|---|---|');
  for (const name of names) console.log(lines.get(name));
  console.log(`${names.length - missed} of ${names.length} planted bugs were found`);
  return missed;
}

async function main(): Promise<number> {
  const processes = Number(values.processes ?? Math.min(2, availableParallelism()));
  const from = Number(values.from);
  if (values.seed !== undefined) return await replay(Number(values.seed), Number(values.tail));
  if (!values.planted)
    return await runMany(from, Number(values.seeds ?? 300), processes, Number(values.minutes ?? 600));
  const names = plantedBugs.map(({ name }) => name).filter((name) => values.bug === undefined || name === values.bug);
  return await runPlanted(names, from, Number(values.seeds ?? 1000), processes);
}

process.exitCode = (await main()) > 0 ? 1 : 0;
