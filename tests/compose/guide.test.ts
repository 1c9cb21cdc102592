import { spawn, spawnSync } from 'node:child_process';
import { afterAll, describe, expect, test } from 'vitest';
import { blocksOf, readDocument, root } from '../docs/markdown.js';

const blocks = blocksOf(readDocument('docs/guides/containers.md')).filter(({ language }) => language === 'sh');

/** Minutes of work and all the ports of the compose file: only where it is asked for. */
const wanted = process.env['RELEARN_TEST_COMPOSE'] === '1';
const engine = wanted && spawnSync('docker', ['compose', 'version']).status === 0;
const missing = wanted ? 'there is no docker compose' : 'RELEARN_TEST_COMPOSE is not 1';

function run(command: string): Promise<{ code: number | null; output: string }> {
  // A reader's terminal is not here: compose must not ask for one.
  const text = command.replaceAll('docker compose exec', 'docker compose exec -T');
  const child = spawn('sh', ['-euc', text], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

/** What a reader of the guide does, from its first command to its last. A named engine that is not there is a failure. */
describe(`the commands of the guide to containers work in their order${engine ? '' : `: not run, ${missing}`}`, () => {
  let failed: string | undefined;

  afterAll(async () => {
    if (engine) await run('docker compose --profile kafka --profile nats down --volumes --remove-orphans');
  });

  test.for(blocks)('line $line', { timeout: 1_800_000 }, async ({ text, line }, { skip }) => {
    if (!wanted) return skip(missing);
    if (failed !== undefined) return skip(failed);
    failed = `the commands of line ${line} failed`;
    const { code, output } = await run(text);
    expect(code, output).toBe(0);
    failed = undefined;
  });
});
