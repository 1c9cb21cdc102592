import { cpus } from 'node:os';

const about = `A producer sends rows and labels all the while and keeps a list of what was acknowledged. It sends some batches twice, some
out of order, some when the pipeline's lateness is over, some labels before their rows. Each process dies by SIGKILL at a
random moment or at a named failpoint, and so do the broker and the database. Between kills a process is stopped for longer
than others wait for it, or cut off from its broker (and its database) for as long, or its wall clock jumps by up to half a
minute, or the disk is full. In the end the log is read through the sequence rule and compared with the list.

Lost: acknowledged rows and labels that are neither valid nor in quarantine, valid rows without features. Doubled: rows,
labels, features and control events that a reader takes twice.`;

/** What the runs say, in Markdown. A run that did not come to its end has told no more than its kills so far. */
export function reportOf(runs, { command, minutes }) {
  const lines = [
    '# Chaos',
    '',
    `\`${command}\` on ${cpus().length} cores, Node ${process.version}, ${minutes.toFixed(0)} minutes.`,
    '',
    about,
    '',
    `| | ${runs.map(({ mode }) => mode).join(' | ')} | all |`,
    `|---|${runs.map(() => '---|').join('')}---|`,
    `| came to its end, and all was as it must be | ${runs.map(outcome).join(' | ')} | ${runs.every(good) ? 'yes' : '**no**'} |`,
    ...rows.map(([name, count]) => rowOf(runs, name, count)),
    '',
    ...runs.flatMap((run) => shortOf(run)),
    ...runs.flatMap((run) => [`## ${run.mode}: who died, and how often`, '', ...whoDied(run), '']),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

const good = ({ passed, finished }) => passed && finished === true;
const outcome = (run) => (good(run) ? 'yes' : run.finished === true ? '**no**' : '**no: it did not come to its end**');
const length = (list) => list?.length;
const total = (counts) => counts && Object.values(counts).reduce((sum, count) => sum + count, 0);
const turnsOf = ({ turns }) => total(turns);
const mishap = (kind) => (run) => run.mishaps && (total(run.mishaps[kind]) ?? 0);
const mistreated = (kind) => (run) => run.mistreated && (run.mistreated[kind] ?? 0);

/** The name of a figure, and where a run has it: undefined where it was not told. */
const rows = [
  ['kills asked for', (run) => run.asked],
  ['kills', (run) => run.kills],
  ['of these at failpoints', atFailpoints],
  ['stopped by SIGSTOP', mishap('stopped')],
  ['cut off from broker or database', mishap('cut off')],
  ['jumps of a wall clock', mishap('clock jump')],
  ['full disks', mishap('full disk')],
  ['acknowledged rows and labels', (run) => run.acknowledged],
  ['requests sent twice', mistreated('doubled')],
  ['requests sent again long after', mistreated('doubled late')],
  ['batches out of order', mistreated('reordered')],
  ['batches past the lateness', mistreated('past the lateness')],
  ['batches after their labels', mistreated('labels before rows')],
  ['batches with labels past their delay', mistreated('labels past their delay')],
  ['**lost**', (run) => length(run.lost)],
  ['**doubled**', (run) => run.doubled && run.doubled.length + run.controlTwice.length],
  ['**violations found by the audit**', (run) => length(run.violations)],
  ['rows scored twice', (run) => length(run.scoredTwice)],
  ['rows not scored', (run) => length(run.unscored)],
  ['dead letters', (run) => length(run.deadLetters)],
  ['counts out of balance', (run) => length(run.unbalanced)],
  ['deaths that nobody had caused', (run) => length(run.crashes)],
  ['events in the log', (run) => run.events],
  ['turns that promoted a model', (run) => run.turns && (run.turns.promoted ?? 0)],
  ['turns that ended otherwise', (run) => run.turns && turnsOf(run) - (run.turns.promoted ?? 0)],
  ['seconds', (run) => run.seconds],
];

function rowOf(runs, name, count) {
  const counts = runs.map(count);
  const sum = counts.reduce((all, one) => all + (one ?? 0), 0);
  const told = counts.map((one) => one ?? '?');
  return `| ${name} | ${told.join(' | ')} | ${counts.includes(undefined) ? `${sum} and ?` : sum} |`;
}

function atFailpoints({ byVictim }) {
  if (byVictim === undefined) return undefined;
  const ways = Object.values(byVictim).flatMap((victim) => Object.entries(victim));
  return ways.filter(([how]) => how !== 'random').reduce((sum, [, count]) => sum + count, 0);
}

/** What the run lacks to prove anything. */
function shortOf({ mode, short = [] }) {
  return short.length === 0 ? [] : [`${mode} falls short: ${short.join('; ')}.`, ''];
}

function whoDied({ byVictim = {} }) {
  return Object.entries(byVictim).map(([victim, ways]) => {
    const points = Object.keys(ways).filter((how) => how !== 'random').length;
    return `- ${victim}: ${total(ways)}, at ${points} different failpoints`;
  });
}
