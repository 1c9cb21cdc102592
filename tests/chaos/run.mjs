// npm run chaos -- [--kills N] [--modes embedded,kafka,nats] [--seed N] [--at-once N] [--report FILE]
// Runs long.test.ts once a mode, so many modes at once, prints what came of it, and writes it to the file.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { reportOf } from './report.mjs';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    modes: { type: 'string', default: 'embedded,kafka,nats' },
    seed: { type: 'string', default: '1' },
    'at-once': { type: 'string', default: '1' },
    report: { type: 'string' },
  },
});
const modes = values.modes.split(',');
const kills = Number(values.kills);
const atOnce = Number(values['at-once']);
if (!(kills >= modes.length && atOnce >= 1)) {
  process.stderr.write(
    'usage: npm run chaos -- [--kills N] [--modes embedded,kafka,nats] [--seed N] [--at-once N] [--report FILE]\n',
  );
  process.exit(2);
}
const root = fileURLToPath(new URL('../../', import.meta.url));
const results = join(tmpdir(), `relearn-chaos-${process.pid}`);
const began = performance.now();
const asGiven = ['kills', 'modes', 'seed', 'at-once'].map((name) => `--${name} ${values[name]}`).join(' ');
const command = `npm run chaos -- ${asGiven}`;
// The first modes take what does not divide. What has not been told yet is unknown in the report.
let runs = modes.map((mode, index) => ({ mode, asked: Math.ceil((kills - index) / modes.length), passed: false }));
const waiting = [...runs];
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { mode, asked } = next;
      const passed = await runMode(mode, asked);
      const told = toldOf(mode);
      runs = runs.map((run) => (run.mode === mode ? { ...run, passed, ...told } : run));
      // A run that is stopped half-way leaves what its modes have come to before.
      if (values.report !== undefined) writeFileSync(values.report, report());
    }
  }),
);
process.stdout.write(report());
process.exitCode = runs.every(({ passed }) => passed) ? 0 : 1;

function report() {
  return reportOf(runs, { command, minutes: (performance.now() - began) / 60_000 });
}

/** What its test has written. */
function toldOf(mode) {
  const file = `${results}.${mode}.json`;
  const told = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  rmSync(file, { force: true });
  return told;
}

/** Whether its test passed. */
async function runMode(mode, asked) {
  const env = {
    ...process.env,
    RELEARN_TEST_ENGINES: mode === 'embedded' ? mode : `embedded,${mode},mongodb`,
    RELEARN_CHAOS: JSON.stringify({ seed: values.seed, report: results, modes: mode, kills: String(asked) }),
  };
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const settings = { cwd: root, env, stdio: 'inherit' };
  const [code] = await once(spawn(process.execPath, [vitest, 'run', 'tests/chaos/long.test.ts'], settings), 'exit');
  return code === 0;
}
