import { afterAll, beforeAll, expect, test } from 'vitest';
import { blocksOf, readDocument } from './markdown.js';
import { Reader } from './shell.js';

const blocks = blocksOf(readDocument('docs/guides/plain-models.md')).filter(({ language }) => language === 'sh');

/** The guide's commands in their order, beside a platform that runs. */
let reader: Reader;
let stuck: string | undefined;

beforeAll(async () => {
  reader = await Reader.open();
  const { code } = await reader.run('command -v curl');
  if (code !== 0) stuck = 'curl is not installed';
  else await reader.serve('npx relearn up');
}, 240_000);
afterAll(() => reader.close());

test.for(blocks)('line $line', { timeout: 240_000 }, async ({ text, line }, { skip }) => {
  if (stuck !== undefined) return skip(stuck);
  stuck = `the commands of line ${line} failed`;
  const { code, output } = await reader.run(text);
  expect(code, output).toBe(0);
  expect(output).not.toContain('"error"');
  if (text.includes('curl')) expect(output).toContain('"label"');
  stuck = undefined;
});
