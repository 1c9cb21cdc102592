import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { runSeed } from './run-seed.js';
import type { ShareResult } from './shard.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    processes: { type: 'string' },
    tail: { type: 'string', default: '60' },
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

async function runProcess(from: number, step: number, count: number, onSeed: () => void): Promise<ShareResult> {
  const child = fork(new URL('./run-share.js', import.meta.url));
  child.send({ from, step, count });
  return await new Promise((resolve, reject) => {
    child.on('message', (message) => {
      if (message === 'seed') onSeed();
      else resolve(message as ShareResult);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`a share of the seeds ended with exit code ${code}`)));
  });
}

async function runMany(from: number, count: number, processes: number): Promise<number> {
  const began = performance.now();
  let done = 0;
  const onSeed = () => {
    done += 1;
    if (done % 1000 === 0) console.error(`${done} of ${count} seeds`);
  };
  const results = await Promise.all(
    Array.from({ length: processes }, (_, index) =>
      runProcess(from + index, processes, Math.ceil((count - index) / processes), onSeed),
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
    `${sum((r) => r.turns)} turns, ${sum((r) => r.steps)} steps, ${(sum((r) => r.virtualMs) / 3.6e6).toFixed(0)} h of virtual time`,
  );
  console.log(`layouts: ${told(merged((result) => result.layouts))}`);
  console.log(`faults: ${told(merged((result) => result.faults))}`);
  console.log(`${findings.length} seeds with violations`);
  return findings.length;
}

const failures =
  values.seed === undefined
    ? await runMany(
        Number(values.from),
        Number(values.seeds ?? 300),
        Number(values.processes ?? Math.min(2, availableParallelism())),
      )
    : await replay(Number(values.seed), Number(values.tail));
process.exitCode = failures > 0 ? 1 : 0;
