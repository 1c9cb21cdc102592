import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { rules } from './alerts.js';
import { readText, root } from './files.js';

const folder = join(root, 'infra/prometheus');
const promtool = (...words: string[]) => spawnSync('promtool', words, { cwd: folder, encoding: 'utf8' });
const missing = promtool('--version').error === undefined ? undefined : 'promtool is not installed';

describe('Prometheus accepts', () => {
  test.for([
    ['its configuration', ['check', 'config', 'prometheus.yml']],
    ['the alerts', ['check', 'rules', 'rules.yml']],
    ['what the alerts say of made-up series', ['test', 'rules', 'rules.test.yml']],
  ] as const)('%s', ([, words], { skip }) => {
    if (missing !== undefined) return skip(missing);
    const { status, stdout, stderr } = promtool(...words);
    expect(status, stdout + stderr).toBe(0);
  });
});

describe('each alert has a page that says what to do', () => {
  test.each(rules)('$alert', ({ alert, annotations, labels }) => {
    const path = `docs/runbooks/${alert}.md`;
    expect(annotations.runbook_url).toBe(path);
    expect(['critical', 'warning']).toContain(labels.severity);
    const page = existsSync(join(root, path)) ? readText(path) : '';
    expect(page.startsWith(`# ${alert}\n`)).toBe(true);
    for (const part of ['## What it means', '## What to look at', '## What to do']) expect(page).toContain(part);
  });

  test('and no page is without its alert', () => {
    const pages = readdirSync(join(root, 'docs/runbooks')).map((name) => name.replace('.md', ''));
    expect(pages.sort()).toEqual(rules.map(({ alert }) => alert).sort());
  });
});
