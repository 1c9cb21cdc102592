import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Echo, plain } from '../../libs/rpc/test/http2.js';
import { buildOnce, cacheFolder, run } from '../brokers/cache.js';

// h2spec asks a server each of HTTP/2's rules. It is built with Go from the module proxy; where that cannot be done the suite is
// skipped, aloud, but RELEARN_TEST_H2SPEC=yes makes it necessary.

const recipe = join(import.meta.dirname, 'h2spec');
const versions = createHash('sha256')
  .update(readFileSync(join(recipe, 'go.sum')))
  .digest('hex');
const folder = join(cacheFolder(), `h2spec-${versions.slice(0, 12)}`);

const built = buildOnce(folder, async (into) => {
  const args = ['build', '-o', join(into, 'h2spec'), 'github.com/summerwind/h2spec/cmd/h2spec'];
  await run('go', args, { cwd: recipe, env: { GOTOOLCHAIN: 'auto', CGO_ENABLED: '0' } });
});
const missing = await built.then(
  () => undefined,
  (failure: Error) => failure.message,
);
const skipped = missing !== undefined && process.env['RELEARN_TEST_H2SPEC'] !== 'yes';
if (skipped) console.warn(`  NOT TESTED: h2spec. ${missing}.`);

test.skipIf(skipped)('HTTP/2 is as h2spec wants it, rule by rule', async () => {
  await built;
  // It asks for bytes, so that windows have something to bound.
  const server = await plain((stream) => new Echo(stream, Buffer.from('hello')));
  const args = ['-h', '127.0.0.1', '-p', String(server.port), '-o', '5'];
  const told = await run(join(folder, 'h2spec'), args).finally(() => server.stop());
  expect(told).toMatch(/\n145 tests, 145 passed, 0 skipped, 0 failed/);
});
