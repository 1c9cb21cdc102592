import { runSeed } from './run-seed.js';

/** A share of the seeds, run in a process of its own. */
export interface Share {
  readonly from: number;
  readonly step: number;
  readonly count: number;
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
  readonly virtualMs: number;
  readonly cpuMs: number;
}

/** Seeds between two that are run twice, to see that their schedules are the same. */
const twiceEvery = 50;
/** So many findings are enough. */
const most = 20;

function add(sums: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + count;
}

export async function runShare(
  { from, step, count }: Share,
  onSeed: () => void = () => undefined,
): Promise<ShareResult> {
  const findings: Finding[] = [];
  const faults: Record<string, number> = {};
  const layouts: Record<string, number> = {};
  const began = process.cpuUsage();
  let [seeds, steps, turns, virtualMs] = [0, 0, 0, 0];
  for (; seeds < count && findings.length < most; seeds++) {
    const seed = from + seeds * step;
    const { layout, violations, hash, faults: made, told, virtualMs: lasted } = await runSeed(seed);
    if (violations.length > 0) findings.push({ seed, layout, violations });
    if (seeds % twiceEvery === 0) {
      const again = await runSeed(seed);
      if (again.hash !== hash) {
        findings.push({ seed, layout, violations: [`two schedules of one seed: ${hash} and ${again.hash}`] });
      }
    }
    add(faults, made);
    add(layouts, { [layout]: 1 });
    steps += Number(hash.split('-')[1]);
    turns += told?.turns ?? 0;
    virtualMs += lasted;
    onSeed();
  }
  const { user, system } = process.cpuUsage(began);
  return { seeds, findings, faults, layouts, steps, turns, virtualMs, cpuMs: (user + system) / 1000 };
}
