// npm run chaos -- [--kills N] [--modes embedded,kafka,nats] [--seed N] [--report FILE]
// Runs long.test.ts once a mode, prints what came of it, and writes it to the file.
import { spawnSync } from 'node:child_process';
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
const began = performance.now();
const runs = modes.map((mode, index) => {
  // The first modes take what does not divide.
  const asked = Math.ceil((kills - index) / modes.length);
  const passed = runMode(mode, asked);
  const file = `${results}.${mode}.json`;
  const told = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  rmSync(file, { force: true });
  return { mode, asked, passed, ...told };
});
const command = `npm run chaos -- --kills ${values.kills} --modes ${values.modes} --seed ${values.seed}`;
const text = reportOf(runs, { command, minutes: (performance.now() - began) / 60_000 });
process.stdout.write(text);
if (values.report !== undefined) writeFileSync(values.report, text);
process.exitCode = runs.every(({ passed }) => passed) ? 0 : 1;

/** Whether its test passed. */
function runMode(mode, asked) {
  const env = {
    ...process.env,
    RELEARN_TEST_ENGINES: mode === 'embedded' ? mode : `embedded,${mode},mongodb`,
    RELEARN_CHAOS: JSON.stringify({ seed: values.seed, report: results, modes: mode, kills: String(asked) }),
  };
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const settings = { cwd: root, env, stdio: 'inherit' };
  return spawnSync(process.execPath, [vitest, 'run', 'tests/chaos/long.test.ts'], settings).status === 0;
}
