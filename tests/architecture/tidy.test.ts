import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { specifiers } from './rooms.js';
import { readTree, type SourceTree } from './source-tree.js';
import {
  forbiddenDependencies,
  lockGaps,
  loosePins,
  undeclaredImports,
  unknownExports,
  wrongReferences,
} from './tidy-packages.js';
import { badNames, bannedCalls, longestFile, longFiles, silencedChecks } from './tidy-sources.js';

const workspace = readTree(fileURLToPath(new URL('../../', import.meta.url)));

const plantedPath = 'services/registry/src/planted.ts';
const manifest = 'services/registry/package.json';
const settings = 'services/registry/tsconfig.json';
const lines = (count: number) => 'const x = 1;\n'.repeat(count);
const manifestWith = (fields: object) => JSON.stringify({ name: '@relearn/registry', exports: { '.': {} }, ...fields });
const registry = 'services/registry';
const lockWith = (packages: object) =>
  JSON.stringify({
    packages: {
      'node_modules/@relearn/kernel': {},
      [registry]: { dependencies: { '@relearn/kernel': '0.1.0' } },
      ...packages,
    },
  });
const referencesTo = (...paths: string[]) => JSON.stringify({ references: paths.map((path) => ({ path })) });

/** A check, a path and text that it must refuse, what it says then, and text that it must let pass. */
const checks: readonly {
  readonly what: string;
  readonly check: (tree: SourceTree) => string[];
  readonly path: string;
  readonly bad: readonly (readonly [text: string, says: string])[];
  readonly good: readonly string[];
}[] = [
  {
    what: 'time, chance, timers, settings and output come through ports',
    check: bannedCalls,
    path: plantedPath,
    bad: [
      ['\nconst at = Date.now();\n', `${plantedPath}:2: Date.now; use Clock.wall`],
      ['const at = new Date( );\n', 'new Date( )'],
      ['const at = performance.now();\n', 'performance.now'],
      ['const at = Math.random();\n', 'Math.random'],
      ["import { randomUUID } from 'node:crypto';\n", 'randomUUID'],
      ['const at = setTimeout(f, 1);\n', 'setTimeout'],
      ['const at = setInterval(f, 1);\n', 'setInterval'],
      ['const at = setImmediate(f);\n', 'setImmediate'],
      ['const at = process.env.HOME;\n', 'process.env'],
      ['process.exit(1);\n', 'process.exit'],
      ["console.log('x');\n", 'console.log'],
    ],
    good: [
      '// Date.now() is banned\n/* setTimeout\n */\n',
      "throw new Error('no process.env here');\n",
      'new Date(at);\n',
    ],
  },
  {
    what: `a file has at most ${longestFile} lines`,
    check: longFiles,
    path: plantedPath,
    bad: [[lines(longestFile + 1), `${longestFile + 1} lines`]],
    good: [lines(longestFile)],
  },
  {
    what: 'no check is silenced and nothing is left for later',
    check: silencedChecks,
    path: plantedPath,
    bad: [
      ['\n// @ts-ignore\n', `${plantedPath}:2: @ts-ignore`],
      ['// @ts-expect-error\n', '@ts-expect-error'],
      ['/* eslint-disable */\n', 'eslint-disable'],
      ['// oxlint-disable-next-line\n', 'oxlint-disable'],
      ['// biome-ignore lint: x\n', 'biome-ignore'],
      ['// TODO: later\n', 'TODO'],
    ],
    good: ['const todos = 1;\n'],
  },
  {
    what: 'dependencies are pinned exactly',
    check: loosePins,
    path: manifest,
    bad: ['^1.2.3', '~1.2.3', '1.x', '*', 'latest', '>=1.0.0', 'file:../x'].map(
      (version) => [manifestWith({ dependencies: { yaml: version } }), `yaml '${version}'`] as const,
    ),
    good: ['1.2.3', '1.2.3-r.1'].map((version) => manifestWith({ devDependencies: { yaml: version } })),
  },
  {
    what: "a project's references are its package's dependencies",
    check: (tree) => wrongReferences(tree).filter((violation) => violation.startsWith('services/')),
    path: settings,
    bad: [
      [referencesTo(), 'no reference to libs/kernel'],
      [referencesTo('../../libs/kernel', '../../libs/bus'), 'a reference to libs/bus too many'],
    ],
    good: [referencesTo('../../libs/kernel')],
  },
  {
    what: 'what is imported is declared',
    check: undeclaredImports,
    path: plantedPath,
    bad: [
      ["import { x } from '@relearn/bus/memory';\n", `${plantedPath}:1: @relearn/bus is not in`],
      ["const x = await import('kafkajs');\n", 'kafkajs is not in'],
      ["export * from 'ajv/dist/core.js';\n", 'ajv is not in'],
    ],
    good: ["import { x } from '@relearn/kernel';\nimport 'node:fs';\n// import 'kafkajs'\n"],
  },
  {
    what: 'a package depends on what its rooms may import',
    check: forbiddenDependencies,
    path: manifest,
    bad: [
      [manifestWith({ dependencies: { '@relearn/serving': '0.1.0' } }), 'may import @relearn/serving'],
      [manifestWith({ dependencies: { kafkajs: '2.2.4' } }), 'may import kafkajs'],
    ],
    good: [manifestWith({ dependencies: { '@relearn/bus': '0.1.0', '@relearn/stats': '0.1.0' } })],
  },
  {
    what: 'the lock file says what the manifests say, for every platform',
    check: lockGaps,
    path: 'package-lock.json',
    bad: [
      [lockWith({ [registry]: { dependencies: { '@relearn/kernel': '0.2.0' } } }), 'not what services/registry'],
      [
        lockWith({ 'node_modules/oxlint': { optionalDependencies: { 'oxlint-win32': '1.0.0' } } }),
        'oxlint-win32, named by',
      ],
      [
        lockWith({ 'node_modules/a/node_modules/b': {}, 'node_modules/c': { dependencies: { b: '1.0.0' } } }),
        'b, named by',
      ],
    ],
    good: [
      lockWith({}),
      lockWith({ 'node_modules/a': { dependencies: { b: '1.0.0' } }, 'node_modules/a/node_modules/b': {} }),
      lockWith({ 'node_modules/a/node_modules/b': { dependencies: { c: '1.0.0' } }, 'node_modules/c': {} }),
    ],
  },
  {
    what: 'the table of rooms knows every export',
    check: (tree) => unknownExports(tree).filter((violation) => /registry/.test(violation)),
    path: manifest,
    bad: [
      [manifestWith({ exports: { '.': {}, './secret': {} } }), '@relearn/registry/secret is in no room'],
      [manifestWith({ exports: {} }), '@relearn/registry does not exist'],
    ],
    good: [manifestWith({})],
  },
];

/** A workspace of two packages, the second with the planted file. */
function treeWith(path: string, text: string): SourceTree {
  return new Map([
    ['package.json', '{}'],
    ['libs/kernel/package.json', '{"name":"@relearn/kernel"}'],
    ['libs/kernel/tsconfig.json', '{}'],
    [manifest, manifestWith({ dependencies: { '@relearn/kernel': '0.1.0' } })],
    [settings, referencesTo('../../libs/kernel')],
    ['package-lock.json', lockWith({})],
    [path, text],
  ]);
}

describe.each(checks)('$what', ({ check, path, bad, good }) => {
  test('throughout the workspace', () => {
    expect(check(workspace)).toEqual([]);
  });

  test.each(bad)('a violation is found: %j', (text, says) => {
    expect(check(treeWith(path, text)).join('\n')).toContain(says);
  });

  test.each(good.map((text) => [text]))('what is fine is let pass: %j', (text) => {
    expect(check(treeWith(path, text))).toEqual([]);
  });
});

describe('files have names that say what is in them, in kebab-case', () => {
  test('throughout the workspace', () => {
    expect(badNames(workspace)).toEqual([]);
  });

  test.each([
    'AliasMoves.ts',
    'alias_moves.ts',
    'aliasMoves.ts',
    'utils.ts',
    'helper.ts',
    'common/x.ts',
    'utils.test.ts',
  ])('%s is refused', (name) => {
    expect(badNames(treeWith(`services/registry/src/${name}`, ''))).toHaveLength(1);
  });

  test.each(['alias-moves.ts', 'alias-moves.test.ts', 'oip/v2.ts'])('%s is let pass', (name) => {
    expect(badNames(treeWith(`services/registry/src/${name}`, ''))).toEqual([]);
  });
});

describe('references of the whole workspace', () => {
  test('name every package, in the root and for the tests', () => {
    expect(wrongReferences(workspace)).toEqual([]);
  });

  test.each(['tsconfig.json', 'tests/tsconfig.json'])('a package missing in %s is found', (path) => {
    const given = wrongReferences(treeWith(path, referencesTo('libs/kernel')));
    expect(given).toContain(`${path}:1: no reference to services/registry`);
  });
});

test('the workspace was read: the checks had something to judge', () => {
  const paths = [...workspace.keys()];
  for (const name of specifiers.filter((specifier) => !specifier.includes('/'))) {
    expect(paths.some((path) => new RegExp(`^(libs|services|apps)/${name}/src/index\\.ts$`).test(path))).toBe(true);
  }
});
