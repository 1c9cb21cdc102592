import { runSeed, type SeedResult } from './run-seed.js';

/** A share of the seeds, run in a process of its own. */
export interface Share {
  readonly from: number;
  readonly step: number;
  readonly count: number;
  /** Ends after so many findings. */
  readonly most: number;
  /** Ends after so many minutes. */
  readonly minutes?: number;
  /** Name of a bug that is in the product meanwhile. */
  readonly planted?: string;
}

export interface Finding {
  readonly seed: number;
  readonly layout: string;
  readonly violations: readonly string[];
}

export interface ShareResult {
  readonly seeds: number;
  readonly findings: readonly Finding[];
  readonly faults: Readonly<Record<string, number>>;
  readonly layouts: Readonly<Record<string, number>>;
  readonly steps: number;
  readonly turns: number;
  readonly rollouts: number;
  readonly virtualMs: number;
  readonly cpuMs: number;
}

/** Seeds between two that are run twice, to see that their schedules are the same. */
const twiceEvery = 50;

export function addTo(sums: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + count;
}

/** An error of the simulation itself is a finding too. */
async function attempted(seed: number): Promise<SeedResult> {
  try {
    return await runSeed(seed);
  } catch (thrown) {
    const violations = [thrown instanceof Error ? thrown.message : String(thrown)];
    return { seed, layout: 'none', hash: '0-0', violations, faults: {}, told: null, virtualMs: 0, tail: [] };
  }
}

export async function runShare(
  { from, step, count, most, minutes = Number.POSITIVE_INFINITY }: Share,
  onSeed: () => void = () => undefined,
): Promise<ShareResult> {
  const findings: Finding[] = [];
  const faults: Record<string, number> = {};
  const layouts: Record<string, number> = {};
  const began = process.cpuUsage();
  const until = performance.now() + minutes * 60_000;
  let [seeds, steps, turns, rollouts, virtualMs] = [0, 0, 0, 0, 0];
  for (; seeds < count && findings.length < most && performance.now() < until; seeds++) {
    const seed = from + seeds * step;
    const { layout, violations, hash, faults: made, told, virtualMs: lasted } = await attempted(seed);
    if (violations.length > 0) findings.push({ seed, layout, violations });
    if (seeds % twiceEvery === 0) {
      const again = await attempted(seed);
      if (again.hash !== hash) {
        findings.push({ seed, layout, violations: [`two schedules of one seed: ${hash} and ${again.hash}`] });
      }
    }
    addTo(faults, made);
    addTo(layouts, { [layout]: 1 });
    steps += Number(hash.split('-')[1]);
    turns += told?.turns ?? 0;
    rollouts += told?.rollouts ?? 0;
    virtualMs += lasted;
    onSeed();
  }
  const { user, system } = process.cpuUsage(began);
  return { seeds, findings, faults, layouts, steps, turns, rollouts, virtualMs, cpuMs: (user + system) / 1000 };
}
