import { seededChance } from '@relearn/kernel';
import { expect, test } from 'vitest';
import { disturb, type Mishap, type Victim } from './disturb.js';
import { shortfalls } from './effort.js';
import type { MishapKind } from './ledger.js';

/** A process that lives in memory. It dies by itself after so many starts; an armed failpoint kills it at once. */
class Fake implements Victim {
  readonly name: string;
  readonly failpoints: readonly string[];
  readonly mishaps: readonly Mishap[];
  readonly longevity = 1;
  readonly befell: string[] = [];
  starts = 0;
  killed = 0;
  died: ReturnType<Victim['gone']>;
  onStart: (starts: number) => ReturnType<Victim['gone']> = () => undefined;

  constructor(name: string, { failpoints = [] as string[], mishaps = [] as MishapKind[] } = {}) {
    this.name = name;
    this.failpoints = failpoints;
    this.mishaps = mishaps.map((kind) => ({
      kind,
      lastsMs: 1,
      begin: async () => void this.befell.push(`${kind} begins`),
      end: async () => void this.befell.push(`${kind} ends`),
    }));
  }

  async start(failpoint: string | null): Promise<void> {
    this.starts += 1;
    this.died = failpoint === null ? this.onStart(this.starts) : { bySigkill: true, said: failpoint };
  }

  async kill(): Promise<void> {
    if (this.died !== undefined) throw new Error(`${this.name} does not run`);
    this.killed += 1;
    this.died = { bySigkill: true, said: '' };
  }

  gone() {
    return this.died;
  }
}

const plan = { kills: 12, lifeMs: [0, 1] as const, mishapEvery: 2 };
const chance = () => seededChance(5);

test('a death that nobody has caused is counted by itself, and is no kill', async () => {
  const victim = new Fake('one');
  victim.onStart = (starts) => (starts === 3 ? { bySigkill: false, said: 'out of memory' } : undefined);
  const done = await disturb([victim], { ...plan, chance: chance() });
  expect(done.crashes).toEqual([{ victim: 'one', said: 'out of memory' }]);
  expect(done.total()).toBe(12);
  expect(victim.killed).toBe(12);
  expect(victim.gone()).toBeUndefined();
});

test('an end with nothing but an exit code is no death at the failpoint that was armed', async () => {
  const victim = new Fake('one', { failpoints: ['feature:before-write'] });
  const start = victim.start.bind(victim);
  victim.start = async (failpoint) => {
    await start(failpoint);
    if (failpoint !== null) victim.died = { bySigkill: false, said: 'exit code 1' };
  };
  const done = await disturb([victim], { ...plan, chance: chance() });
  expect(done.crashes.length).toBeGreaterThan(0);
  expect([...(done.kills.get('one')?.keys() ?? [])]).toEqual(['random']);
});

test('deaths at failpoints are kills, and mishaps of all kinds come in turn and end', async () => {
  const kinds: MishapKind[] = ['stopped', 'cut off', 'clock jump'];
  const victims = ['one', 'two'].map((name) => new Fake(name, { failpoints: ['a:b', 'c:d'], mishaps: kinds }));
  const done = await disturb(victims, { ...plan, kills: 60, chance: chance() });
  expect(done.total()).toBe(60);
  const ways = [...done.kills.values()].flatMap((one) => [...one.keys()]);
  expect(new Set(ways)).toEqual(new Set(['random', 'a:b', 'c:d']));
  const counts = kinds.map((kind) => [...(done.mishaps.get(kind)?.values() ?? [])].reduce((a, b) => a + b, 0));
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  expect(Math.min(...counts)).toBeGreaterThan(0);
  for (const { befell } of victims)
    expect(befell.filter((text) => text.endsWith('ends'))).toHaveLength(befell.length / 2);
  expect(shortfalls({ kills: 60, mishapEvery: 2, victims }, done, 60 * 20)).toEqual([]);
});

test('what fails for one victim ends it for all', async () => {
  const [failing, other] = [new Fake('failing'), new Fake('other')];
  failing.start = async () => {
    throw new Error('it does not start');
  };
  const disturbed = disturb([failing, other], { ...plan, kills: 1_000_000, chance: chance() });
  await expect(disturbed).rejects.toThrow('failing: it does not start');
});

test('a run in which little happened falls short', async () => {
  const mishaps: MishapKind[] = ['stopped'];
  const victims = [new Fake('one', { failpoints: ['a:b'], mishaps })];
  const done = await disturb(victims, { ...plan, chance: chance() });
  const others = [...victims, new Fake('never')];
  const asked = { kills: 40, mishapEvery: 1, victims: others };
  expect(shortfalls(asked, done, 799)).toEqual([
    'kills: 12, where 40 are the least',
    'kills of never: 0, where 5 are the least',
    expect.stringMatching(/^times of 'stopped': \d+, where 13 are the least$/),
    'acknowledged rows and labels: 799, where 800 are the least',
  ]);
});
