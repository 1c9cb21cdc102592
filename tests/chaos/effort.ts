import type { Victim } from './disturb.js';
import type { Disturbances } from './ledger.js';

export interface Asked {
  readonly kills: number;
  readonly mishapEvery: number;
  readonly victims: readonly Pick<Victim, 'name' | 'failpoints' | 'mishaps'>[];
}

/** Rows and labels that must have been acknowledged, a kill. */
const recordsPerKill = 20;
/** A victim must have this share of the kills that would be its own if all had the same. */
const leastShare = 1 / 4;
/** So many kills at least must have been at failpoints. */
const failpointShare = 1 / 20;

/** What a run lacks to prove anything: it was not killed as asked, or nothing much happened meanwhile. */
export function shortfalls(asked: Asked, done: Disturbances, acknowledged: number): string[] {
  const lacking = (what: string, least: number, found: number) =>
    found < least ? [`${what}: ${found}, where ${least} are the least`] : [];
  const { kills, victims, mishapEvery } = asked;
  const all = [...done.kills.values()].flatMap((ways) => [...ways]);
  const atFailpoints = sum(all.flatMap(([how, count]) => (how === 'random' ? [] : [count])));
  const kinds = new Set(victims.flatMap(({ mishaps }) => mishaps.map(({ kind }) => kind)));
  const perKind = Math.floor(kills / (3 * mishapEvery * kinds.size));
  return [
    ...lacking('kills', kills, done.total()),
    ...lacking('kills at failpoints', Math.floor(kills * failpointShare), atFailpoints),
    ...victims.flatMap(({ name }) =>
      lacking(`kills of ${name}`, Math.floor((kills / victims.length) * leastShare), sumOf(done.kills.get(name))),
    ),
    ...[...kinds].flatMap((kind) => lacking(`times of '${kind}'`, perKind, sumOf(done.mishaps.get(kind)))),
    ...lacking('acknowledged rows and labels', kills * recordsPerKill, acknowledged),
  ];
}

const sumOf = (counts: ReadonlyMap<string, number> | undefined) => sum(counts?.values() ?? []);

function sum(counts: Iterable<number>): number {
  return [...counts].reduce((total, count) => total + count, 0);
}
