import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { documents, readDocument, root } from './markdown.js';

const link = /\]\(([^)#\s]+)(?:#[^)]*)?\)/g;
const codePath = /`((?:libs|services|apps|tests|docs|bench|examples|proto)\/[\w./-]+)`/g;
/** A name to be filled in by the reader. */
const placeholder = /[A-Z]{4}/;

describe.each(documents())('%s', (path) => {
  const text = readDocument(path);

  test('its links lead somewhere', () => {
    const targets = [...text.matchAll(link)].map((match) => match[1] ?? '').filter((to) => !to.includes('://'));
    expect(targets.filter((target) => !existsSync(join(root, dirname(path), target)))).toEqual([]);
  });

  test('files and folders that it names exist', () => {
    const named = [...text.matchAll(codePath)].map((match) => match[1] ?? '');
    const wanted = named.filter((name) => !placeholder.test(name.replace('README', '')));
    expect(wanted.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  });
});
