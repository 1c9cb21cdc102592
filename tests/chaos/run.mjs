// Kills everything again and again while data flows, and reads in the log what came of it.
// npm run chaos -- [--kills 1000] [--modes embedded,kafka,nats] [--seed 1] [--report FILE]
// The kills are shared among the modes; a report in Markdown goes to FILE.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    modes: { type: 'string', default: 'embedded,kafka,nats' },
    seed: { type: 'string', default: '1' },
    report: { type: 'string' },
  },
});
const modes = values.modes.split(',');
const kills = Number(values.kills);
if (!(kills >= modes.length)) {
  process.stderr.write(
    'usage: npm run chaos -- [--kills N] [--modes embedded,kafka,nats] [--seed N] [--report FILE]\n',
  );
  process.exit(2);
}
const root = fileURLToPath(new URL('../../', import.meta.url));
const results = join(tmpdir(), `relearn-chaos-${process.pid}`);
const engines = modes.flatMap((mode) => (mode === 'embedded' ? [mode] : [mode, 'mongodb']));
const settings = { seed: values.seed, report: results };
const began = performance.now();
let failed = false;
const found = [];
for (const [index, mode] of modes.entries()) {
  // The first modes take what does not divide.
  const share = Math.ceil((kills - index) / modes.length);
  const env = {
    ...process.env,
    RELEARN_TEST_ENGINES: [...new Set(engines)].join(),
    RELEARN_CHAOS: JSON.stringify({ ...settings, modes: mode, kills: String(share) }),
  };
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const run = spawnSync(process.execPath, [vitest, 'run', 'tests/chaos/long.test.ts'], {
    cwd: root,
    env,
    stdio: 'inherit',
  });
  failed ||= run.status !== 0;
  const file = `${results}.${mode}.json`;
  if (existsSync(file)) found.push(JSON.parse(readFileSync(file, 'utf8')));
  rmSync(file, { force: true });
}
const text = reportOf(found);
process.stdout.write(text);
if (values.report !== undefined) writeFileSync(values.report, text);
process.exitCode = failed ? 1 : 0;

function reportOf(all) {
  const sum = (of) => all.reduce((total, one) => total + of(one), 0);
  const minutes = ((performance.now() - began) / 60_000).toFixed(0);
  const lines = [
    '# Chaos',
    '',
    `\`npm run chaos -- --kills ${values.kills} --modes ${values.modes} --seed ${values.seed}\` on ${cpus().length} cores, Node ${process.version}, ${minutes} minutes.`,
    'A producer sends rows and labels all the while and keeps a list of what was acknowledged. Each process dies by SIGKILL at',
    'a random moment or at a named failpoint, and so do the broker and the database; some processes are stopped for longer',
    'than the others wait for them. In the end the log is read through the sequence rule and compared with the list.',
    '',
    '| | ' + all.map(({ mode }) => mode).join(' | ') + ' | all |',
    '|---|' + all.map(() => '---|').join('') + '---|',
    row('kills', (one) => one.kills),
    row('of these at failpoints', (one) => atFailpoints(one)),
    row('stopped for 12 s', (one) => Object.values(one.freezes).reduce((a, b) => a + b, 0)),
    row('acknowledged rows and labels', (one) => one.acknowledged),
    row('lost', (one) => one.lost.length),
    row('doubled', (one) => one.doubled.length + one.controlTwice.length),
    row('rows scored twice', (one) => one.scoredTwice.length),
    row('rows not scored', (one) => one.unscored.length),
    row('counts out of balance', (one) => one.unbalanced.length),
    row('violations found by the audit', (one) => one.violations.length),
    row('turns that promoted a model', (one) => one.turns.promoted ?? 0),
    row('turns that ended otherwise', (one) => turnsOf(one) - (one.turns.promoted ?? 0)),
    row('seconds', (one) => one.seconds),
    '',
    ...all.flatMap((one) => [`## ${one.mode}: who died, and how often`, '', ...whoDied(one), '']),
  ];
  return `${lines.join('\n').trimEnd()}\n`;

  function row(name, of) {
    return `| ${name} | ${all.map((one) => of(one)).join(' | ')} | ${sum(of)} |`;
  }
}

function atFailpoints({ byVictim }) {
  const ways = Object.values(byVictim).flatMap((victim) => Object.entries(victim));
  return ways.filter(([how]) => how.includes(':')).reduce((total, [, count]) => total + count, 0);
}

function turnsOf({ turns }) {
  return Object.values(turns).reduce((a, b) => a + b, 0);
}

function whoDied({ byVictim }) {
  return Object.entries(byVictim).map(([victim, ways]) => {
    const total = Object.values(ways).reduce((a, b) => a + b, 0);
    const points = Object.keys(ways).filter((how) => how.includes(':')).length;
    return `- ${victim}: ${total}, at ${points} different failpoints`;
  });
}
