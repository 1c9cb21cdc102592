import { auditLog } from '@relearn/audit';
import { readTold, type Told } from './log.js';
import { pipelineName, type Story } from './scenario.js';
import type { Promised } from './producer.js';
import type { Durable, Running } from './system.js';

export interface Judged {
  readonly durable: Durable;
  readonly story: Story;
  readonly promised: Promised;
  readonly running: readonly Running[];
  /** The same story without faults; null: this is it. */
  readonly calm: Told | null;
  /** Nobody interfered, so that the first turn is the calm one's too. */
  readonly alone: boolean;
}

const still = { now: () => 0, wall: () => 0, breathe: () => Promise.resolve() };

/** What does not hold once everything has come to rest. */
export async function violationsOf(judged: Judged): Promise<{ violations: string[]; told: Told }> {
  const { durable, running } = judged;
  const clock = { ...still, sleep: () => Promise.resolve(), after: () => ({ cancel: () => undefined }) };
  const [any] = running;
  const audit = await auditLog({ ...durable, clock, quiescent: true, folds: any?.folds ?? [] });
  const told = await readTold(durable);
  const violations = [
    ...audit.violations.map(({ invariant, message }) => `audit: ${invariant}: ${message}`),
    ...recordsOnce(judged, told),
    ...predictionsOnce(judged, told),
    ...commandsOnce(judged.promised, told),
    ...differences(judged, told),
    ...(told.deadLetters === 0 ? [] : [`${told.deadLetters} dead letters, and nothing was wrong with any record`]),
    ...told.gaps.map((id) => `a gap before ${id}`),
    ...windowsOnce(judged, told),
    ...few(durable.leases.wrong),
  ];
  return { violations, told };
}

function recordsOnce({ story, promised }: Judged, told: Told): string[] {
  const wrong: string[] = [];
  const expected = new Set([...promised.acknowledged]);
  const valid = new Set(told.valid);
  const quarantined = new Set(told.quarantined);
  if (valid.size !== told.valid.length) wrong.push(`${told.valid.length - valid.size} records are valid twice`);
  for (const id of expected) {
    const broken = story.broken.has(id);
    if (broken ? !quarantined.has(id) : !valid.has(id)) wrong.push(`acknowledged and lost: ${id}`);
    if (broken ? valid.has(id) : quarantined.has(id)) wrong.push(`judged wrongly: ${id}`);
  }
  for (const id of [...valid, ...quarantined]) if (!expected.has(id)) wrong.push(`never sent: ${id}`);
  return few(wrong);
}

/** Each row with features has one prediction from the first one with a prediction on. */
function predictionsOnce({ calm }: Judged, { featured, predicted, scoredOtherwise }: Told): string[] {
  const wrong = [...scoredOtherwise].map((id) => `${id} was scored again, by other models`);
  if (new Set(featured).size !== featured.length) wrong.push('a row has features twice');
  if (new Set(predicted).size !== predicted.length) wrong.push('a row is predicted twice');
  const rows = new Set(featured);
  for (const id of predicted) if (!rows.has(id)) wrong.push(`predicted without features: ${id}`);
  if (calm === null && predicted.length === 0) wrong.push('no row was ever predicted');
  return few(wrong);
}

/** A window is told once, and counts each label of a predicted row once. */
function windowsOnce({ story }: Judged, { windows, joins }: Told): string[] {
  const twice = windows
    .map((window) => window.split(' ').slice(0, 3).join(' '))
    .filter((window, index, all) => all.indexOf(window) !== index);
  return few([...twice.map((window) => `a window is told twice: ${window}`), ...joins.wrong(story.spec)]);
}

function commandsOnce({ retrains, versions }: Promised, { requests, applied }: Told): string[] {
  const byHand = requests.filter(({ reason }) => reason === 'manual').length;
  const wrong: string[] = [];
  if (byHand > retrains.asked || byHand < retrains.answered) {
    wrong.push(`${byHand} manual requests, of ${retrains.asked} asked for ${retrains.answered} were answered`);
  }
  if (applied !== versions) wrong.push(`${applied} versions were applied, the last answer said ${versions}`);
  return wrong;
}

/** What must be the same whatever happens on the way: it follows from the records and their order alone. */
function differences({ calm, alone, durable }: Judged, told: Told): string[] {
  if (calm === null) return [];
  const wrong: string[] = [];
  const same = (what: string, is: readonly string[], was: readonly string[]) => {
    const at = was.findIndex((text, index) => is[index] !== text);
    if (at >= 0) wrong.push(`${what} ${at}: ${is[at] ?? 'nothing'} instead of ${was[at]}`);
    else if (is.length !== was.length) wrong.push(`${is.length} ${what} instead of ${was.length}`);
  };
  same('valid records', told.values, calm.values);
  same('feature rows', told.features, calm.features);
  same('quarantined records', [...new Set(told.quarantined)].sort(), [...new Set(calm.quarantined)].sort());
  same('windows', told.windows, calm.windows);
  // Of several shards any may be the last to pass a window: only one shard's windows have one order.
  if (alone && durable.partitions === 1) {
    const asked = ({ requests: [request] }: Told) => [`${request?.reason} ${request?.labelled}`];
    same('first requests', asked(told), asked(calm));
    const modelsOf = ({ models }: Told) => models.filter((model) => model.startsWith(`${pipelineName}-1 `));
    // A turn may fail for want of what a fault took away; its models do not differ.
    if (modelsOf(told).length > 0) same('models of the first turn', modelsOf(told), modelsOf(calm));
  }
  return wrong;
}

function few(messages: readonly string[]): string[] {
  return messages.length <= 4 ? [...messages] : [...messages.slice(0, 4), `and ${messages.length - 4} more`];
}
