import { plantedBugs } from './planted-bugs.js';
import { runProcess } from './processes.js';

export interface PlantsOptions {
  readonly names: readonly string[];
  readonly from: number;
  /** Seeds that are tried with each bug, at most. */
  readonly count: number;
  readonly processes: number;
  readonly say: (line: string) => void;
}

/** What became of a planted bug. */
export interface Plant {
  readonly name: string;
  /** The first seed that finds it, and what it sees; null: none. */
  readonly found: { readonly seed: number; readonly violation: string } | null;
  /** Seeds that were run with it. */
  readonly seeds: number;
  readonly cpuSeconds: number;
}

/** The bugs of these names; all, where none is given. Throws for a name that none has. */
export function namesOf(wanted: readonly string[]): string[] {
  const all = plantedBugs.map(({ name }) => name);
  const unknown = wanted.filter((name) => !all.includes(name));
  if (unknown.length > 0) throw new Error(`no planted bug '${unknown.join("', '")}'; there are: ${all.join('; ')}`);
  return wanted.length === 0 ? all : [...wanted];
}

/** Plants each bug in turn and looks for the first seed that finds it, and without it finds nothing. */
export async function runPlants({ names, from, count, processes, say }: PlantsOptions): Promise<Plant[]> {
  const waiting = [...names];
  const plants = new Map<string, Plant>();
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const plant = await runPlant(name, from, count);
      plants.set(name, plant);
      say(`${name}: ${plant.found === null ? `not found in ${plant.seeds} seeds` : `seed ${plant.found.seed}`}`);
    }
  };
  await Promise.all(Array.from({ length: processes }, work));
  return names.flatMap((name) => plants.get(name) ?? []);
}

async function runPlant(name: string, from: number, count: number): Promise<Plant> {
  let cpuMs = 0;
  for (let next = from; ; ) {
    const left = from + count - next;
    const run = await runProcess({ from: next, step: 1, count: left, most: 1, planted: name });
    cpuMs += run.cpuMs;
    const [finding] = run.findings;
    const seeds = next - from + run.seeds;
    const plant = { name, seeds, cpuSeconds: cpuMs / 1000 };
    if (finding === undefined) return { ...plant, found: null };
    const { seed, violations } = finding;
    const without = await runProcess({ from: seed, step: 1, count: 1, most: 1 });
    if (without.findings.length === 0) return { ...plant, found: { seed, violation: violations[0] ?? '' } };
    next = seed + 1;
  }
}
