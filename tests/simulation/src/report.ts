import { availableParallelism } from 'node:os';
import type { Plant } from './plants.js';
import type { SeedsRun } from './seeds.js';

export function countsText(counts: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([name, count]) => `${name} ${count}`).join(', ');
}

/** The figures of a run of seeds, a line each. */
export function seedsText(run: SeedsRun): string {
  const { seeds, processes, wallSeconds, cpuSeconds, turns, rollouts, steps, virtualHours, findings } = run;
  return [
    `${seeds} seeds in ${wallSeconds.toFixed(0)} s, ${processes} processes,`,
    `  ${((1000 * cpuSeconds) / seeds).toFixed(0)} ms of CPU a seed`,
    `${turns} turns, ${rollouts} rollouts, ${steps} steps, ${virtualHours.toFixed(0)} h of virtual time`,
    `layouts: ${countsText(run.layouts)}`,
    `faults: ${countsText(run.faults)}`,
    `${findings.length} seeds with violations`,
  ].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').slice(0, 160);
}

/** How many seeds each planted bug needed, as a table. */
export function plantsText(plants: readonly Plant[]): string {
  const rows = plants.map(({ name, found, seeds, cpuSeconds }) => {
    const what = found === null ? `not found in ${seeds} seeds` : found.violation;
    return `| ${name} | ${found === null ? 'none' : seeds} | ${cpuSeconds.toFixed(0)} | ${cell(what)} |`;
  });
  const found = plants.filter((plant) => plant.found !== null).length;
  return [
    '| planted bug | seeds until it is found | CPU s | what is seen |',
    '|---|---|---|---|',
    ...rows,
    '',
    `${found} of ${plants.length} planted bugs were found`,
  ].join('\n');
}

/** The report of a run of seeds without a bug and of one with each bug. */
export function reportText(run: SeedsRun, from: number, plants: readonly Plant[], date: Date): string {
  const figures: [string, string][] = [
    ['seeds', `${run.seeds} (${from} to ${from + run.seeds - 1})`],
    ['seeds with violations', String(run.findings.length)],
    ['wall seconds', run.wallSeconds.toFixed(0)],
    ['CPU seconds', run.cpuSeconds.toFixed(0)],
    ['CPU milliseconds a seed', ((1000 * run.cpuSeconds) / run.seeds).toFixed(0)],
    ['turns', String(run.turns)],
    ['rollouts', String(run.rollouts)],
    ['steps', String(run.steps)],
    ['hours of virtual time', run.virtualHours.toFixed(0)],
  ];
  const violations = run.findings.map(
    ({ seed, layout, violations: all }) => `- seed ${seed} (${layout}): ${all.join('; ')}`,
  );
  return `# Simulation

Written by \`npm run simulate -- --seeds ${run.seeds} --report FILE\` on ${date.toISOString().slice(0, 10)}: Node ${process.version},
${availableParallelism()} processors, ${run.processes} processes. How it works: \`docs/adr/0025\` and \`docs/adr/0050\`.

## Seeds

| figure | value |
|---|---|
${figures.map(([name, value]) => `| ${name} | ${value} |`).join('\n')}

Layouts: ${countsText(run.layouts)}.

Faults: ${countsText(run.faults)}.
${violations.length === 0 ? '' : `\n${violations.join('\n')}\n`}
## Planted bugs

Each bug is put into the product's compiled text; seeds are run from ${from} until one has a violation that it has not
without the bug.

${plantsText(plants)}
`;
}
