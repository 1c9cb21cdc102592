import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blocksOf, documents, readDocument } from './markdown.js';
import { Reader } from './shell.js';

const readme = readDocument('README.md');
const blocks = blocksOf(readme).filter(({ language }) => language === 'sh');
/** Lines that are not run here: done before, or this very run. */
const leftOut = new Set(['npm ci', 'npm test']);
/** Lines that keep running: until they have answered, or to the end. */
const services = new Map([
  ['npm start', 'until it answers'],
  ['RELEARN_DATA=my/data npx relearn up', 'to the end'],
]);

/** What a reader does who follows the README from its first command to its last, in one folder. */
describe('the commands of the README work in their order', () => {
  let reader: Reader;
  let stuck: string | undefined;

  beforeAll(async () => {
    reader = await Reader.open();
    const { code } = await reader.run('command -v curl');
    if (code !== 0) stuck = 'curl is not installed';
  });
  afterAll(() => reader.close());

  test.for(blocks)('line $line', { timeout: 240_000 }, async ({ text, line }, { skip }) => {
    if (stuck !== undefined) return skip(stuck);
    stuck = `the commands of line ${line} failed`;
    const lines = text.trimEnd().split('\n');
    const service = lines.find((one) => services.has(one));
    if (service !== undefined) {
      await reader.serve(service);
      expect(await reader.answers('/')).toBe(true);
      if (services.get(service) === 'until it answers') await reader.stop();
    }
    const rest = lines.filter((one) => !leftOut.has(one) && !services.has(one)).join('\n');
    const { code, output } = rest === '' ? { code: 0, output: '' } : await reader.run(rest);
    expect(code, output).toBe(0);
    expect(output).not.toContain('"error"');
    stuck = undefined;
  });

  test('the backtest of the edited file is the one that the README tells of', ({ skip }) => {
    if (stuck !== undefined) return skip(stuck);
    const report = JSON.parse(readFileSync(join(reader.folder, 'my/report.json'), 'utf8'));
    const { metric, retrains } = report.totals;
    const told = `${metric.mean.toFixed(3)}, with ${retrains} retrain${retrains === 1 ? '' : 's'}`;
    expect(told).toBe(/With the line added it is (.*?) in place of/.exec(readme)?.[1]);
    expect(metric.frozen_mean.toFixed(3)).toBe(/the frozen model has (\d\.\d+)/.exec(readme)?.[1]);
    expect(report.audit.violations).toEqual([]);
  });

  test('the backtest of the file as init writes it is the one that the README tells of', { timeout: 240_000 }, async ({
    skip,
  }) => {
    if (stuck !== undefined) return skip(stuck);
    const init = /npx relearn init (?:.|\n)*?--out my\/deliveries\.yaml/.exec(readme)?.[0] ?? '';
    const file = 'my/as-written.yaml';
    const { code, output } = await reader.run(
      `${init.replace('my/deliveries.yaml', file)} && npx relearn backtest ${file} --json > my/as-written.json`,
    );
    expect(code, output).toBe(0);
    const { metric, retrains } = JSON.parse(readFileSync(join(reader.folder, 'my/as-written.json'), 'utf8')).totals;
    expect(metric.mean.toFixed(3)).toBe(
      /As `init` wrote it, the mean ROC AUC of the months is (\d\.\d+)/.exec(readme)?.[1],
    );
    expect(metric.frozen_mean.toFixed(3)).toBe(/the first model, frozen, has (\d\.\d+)/.exec(readme)?.[1]);
    expect(String(retrains)).toBe(/retrains? in place of (\d+)/.exec(readme)?.[1]);
  });

  const files = documents().flatMap((path) =>
    blocksOf(readDocument(path))
      .filter(({ language, text }) => language === 'yaml' && text.startsWith('name:'))
      .map(({ text, line }) => ({ path, line, text })),
  );
  test.each(files)('`check` accepts the pipeline file of $path, line $line', { timeout: 240_000 }, async ({ text }) => {
    writeFileSync(join(reader.folder, 'shown.yaml'), text);
    const { code, output } = await reader.run('npx relearn check shown.yaml');
    expect(code, output).toBe(0);
  });
});
