import { RelearnError } from '@relearn/kernel';
import { restless } from './rest.js';
import { violationsOf } from './checks.js';
import { drawMix, Faults, type Mix, noFaults } from './faults.js';
import type { Told } from './log.js';
import { Producer } from './producer.js';
import { withoutRealTime } from './real-time.js';
import { type Story, tell } from './scenario.js';
import { Scheduler } from './scheduler.js';
import { type Layout, layouts, Supervisor } from './supervisor.js';
import { createDurable, type Durable } from './system.js';

export interface SeedOptions {
  /** So many of the schedule's last lines are answered. Default 0. */
  readonly tail?: number;
}

export interface SeedResult {
  readonly seed: number;
  readonly hash: string;
  readonly layout: string;
  readonly violations: readonly string[];
  readonly faults: Readonly<Record<string, number>>;
  readonly told: Told | null;
  readonly virtualMs: number;
  readonly tail: readonly string[];
}

/** Longest virtual time of the story; faults leave it half, for they can keep a process from ever starting. */
const storyMs = 20 * 60_000;
/** Steps after which faults leave a story: some kill processes faster than these come to anything. */
const faultySteps = 5_000;
/** Longest virtual time of coming to rest after the faults have ended. */
const restMs = 6 * 60_000;

/** Data whose story, told without faults, comes to a model and to a second turn; by number of partitions. */
const tellings = { one: [0, 2, 4, 6], two: [0, 5, 6, 8] };

const calm = new Map<string, Told>();

/** Errors that nobody took, of the run under way: a real process would die of one. */
let untaken: string[] = [];
process.on('unhandledRejection', (thrown) => {
  const error = RelearnError.from(thrown);
  untaken.push(`nobody took an error: ${error.describe()} ${error.stack?.split('\n').slice(1, 3).join(' ') ?? ''}`);
});

/** What the same data gives when nothing goes wrong; computed once. */
async function calmOf(data: number, partitions: number): Promise<Told> {
  const key = `${data}/${partitions}`;
  const known = calm.get(key);
  if (known !== undefined) return known;
  const story = tell({ data, sharded: partitions > 1, deadline: '1h', seed: 1, tried: false });
  const plan = { story, changed: null, byHand: false, layout: layouts['embedded'] ?? [], mix: noFaults, partitions };
  const { violations, told } = await runPlan(new Scheduler(0, 0), plan, null);
  if (violations.length > 0 || told === null) throw new Error(`without faults: ${violations.join('; ')}`);
  calm.set(key, told);
  return told;
}

interface Plan {
  readonly story: Story;
  readonly changed: Story | null;
  readonly byHand: boolean;
  readonly layout: Layout;
  readonly mix: Mix;
  readonly partitions: number;
}

/** One seed: the whole system through two turns, with faults; then quiet, and what must hold. */
export function runSeed(seed: number, options: SeedOptions = {}): Promise<SeedResult> {
  // A trace has lines of the services' logs, which tell real time.
  return options.tail === undefined ? withoutRealTime(() => run(seed, options)) : run(seed, options);
}

async function run(seed: number, options: SeedOptions): Promise<SeedResult> {
  const scheduler = new Scheduler(seed, options.tail ?? 0);
  const name = scheduler.pick(['embedded', 'embedded', 'embedded', 'twins', 'twins', 'halves', 'apart']);
  const layout = layouts[name] ?? [];
  const partitions = scheduler.pick([1, 1, 2]);
  const data = scheduler.pick(partitions === 1 ? tellings.one : tellings.two);
  const deadline = scheduler.pick(['1h', '1h', '1h', '8s']);
  const tried = scheduler.chance(0.3);
  const story = tell({ data, sharded: partitions > 1, deadline, seed: 1, tried });
  const changed = scheduler.chance(0.2) ? tell({ data, sharded: partitions > 1, deadline, seed: 2, tried }) : null;
  const byHand = scheduler.chance(0.3);
  const mix = drawMix(scheduler, { shared: layout.length > 1, hasty: deadline !== '1h' });
  const plan: Plan = { story, changed, byHand, layout, mix, partitions };
  const told = await calmOf(data, partitions);
  const alone = changed === null && !byHand && deadline === '1h';
  const shape = partitions === 1 ? name : `${name} with ${partitions} partitions`;
  return { seed, layout: shape, ...(await runPlan(scheduler, plan, { told, alone })) };
}

async function runPlan(
  scheduler: Scheduler,
  plan: Plan,
  expected: { told: Told; alone: boolean } | null,
): Promise<Omit<SeedResult, 'seed' | 'layout'>> {
  untaken = [];
  const faults = new Faults(scheduler, plan.mix);
  const durable = await createDurable(scheduler, plan.partitions);
  const supervisor = new Supervisor({ scheduler, faults, durable, layout: plan.layout });
  const producer = new Producer({ scheduler, faults, durable, supervisor, ...plan });
  const failures: string[] = [];
  supervisor.startAll();
  producer.run().catch((thrown: unknown) => failures.push(`the producer: ${RelearnError.from(thrown).describe()}`));
  /** When faults end; the turns that the last data gives rise to have some, too. */
  let until: number | null = null;
  const endFaults = () => {
    faults.end();
    supervisor.heal();
  };
  const over = () => {
    supervisor.disasters();
    const enough = scheduler.now > storyMs / 2 || scheduler.steps > faultySteps;
    if (enough && faults.present !== noFaults) endFaults();
    if (producer.done) until ??= scheduler.now + scheduler.random() * scheduler.pick([0, 4_000, 12_000]);
    return failures.length > 0 || (until !== null && scheduler.now >= until);
  };
  const told = await (async () => {
    if (!(await scheduler.run(over, storyMs)) || failures.length > 0) {
      failures.push('the producer did not come to its end');
      return null;
    }
    endFaults();
    if (!(await comesToRest(scheduler, supervisor, durable))) {
      failures.push(`it does not come to rest: ${await restless(supervisor, durable)}`);
    }
    const judged = await violationsOf({
      durable,
      story: plan.story,
      promised: producer.promised,
      running: supervisor.all(),
      calm: expected?.told ?? null,
      alone: expected?.alone ?? false,
    });
    failures.push(...judged.violations);
    return judged.told;
  })();
  supervisor.drop();
  const violations = [...failures, ...untaken];
  const { hash, now } = scheduler;
  return { hash, violations, faults: faults.counts, told, virtualMs: now, tail: scheduler.tail };
}

/** Looks now and then until everybody is up and has nothing to do, twice with nothing new between. */
async function comesToRest(scheduler: Scheduler, supervisor: Supervisor, durable: Durable): Promise<boolean> {
  let resting = false;
  let before = '';
  const look = () => {
    scheduler.after(700, 'all quiet?', () => {
      void (async () => {
        const now = await restless(supervisor, durable);
        const ends = await endsOf(durable);
        resting = now === '' && ends === before;
        before = now === '' ? ends : '';
        look();
      })();
    });
  };
  look();
  return await scheduler.run(() => resting, scheduler.now + restMs);
}

async function endsOf({ bus }: Durable): Promise<string> {
  const all = await Promise.all(
    ['data.raw', 'data.valid', 'features', 'predictions', 'monitoring', 'control'].map((topic) => bus.bounds(topic)),
  );
  return all.map((bounds) => bounds.map(({ end }) => end).join()).join(';');
}
