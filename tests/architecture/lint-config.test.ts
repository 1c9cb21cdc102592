import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lintConfig } from './lint-config.js';
import { nodeModules, type Room, rooms, specifiers } from './rooms.js';

const workspace = fileURLToPath(new URL('../../', import.meta.url));

const configuration = `${JSON.stringify(lintConfig(), null, 2)}\n`;

test('.oxlintrc.json is what the table of rooms gives (npm run generate)', async () => {
  await expect(configuration).toMatchFileSnapshot('../../.oxlintrc.json');
});

test('no two rooms claim the same files', () => {
  const globs = rooms.flatMap((room) => room.files);
  expect(globs.filter((glob, index) => globs.indexOf(glob) !== index)).toEqual([]);
});

/** Imports that a room must not make: file, then the imported module. */
const forbidden: readonly (readonly [string, string])[] = [
  ['libs/kernel/src/a.ts', '@relearn/contracts'],
  ['libs/kernel/src/a.ts', 'node:fs'],
  ['libs/kernel/src/a.ts', 'pino'],
  ['libs/contracts/src/a.ts', '@relearn/runtime'],
  ['libs/contracts/src/events/a.ts', '@relearn/bus'],
  ['libs/stats/src/drift/a.ts', '@relearn/features'],
  ['libs/stats/src/drift/a.ts', 'node:fs/promises'],
  ['libs/features/src/a.ts', '@relearn/telemetry'],
  ['libs/features/src/a.ts', 'node:net'],
  ['libs/trainers/src/boosting/a.ts', 'node:worker_threads'],
  ['libs/trainers/src/boosting/a.ts', 'onnxruntime-node'],
  ['libs/bus/src/port.ts', '@relearn/sqlite'],
  ['libs/bus/src/a.ts', './memory/index.js'],
  ['libs/bus/src/memory/a.ts', '../embedded/index.js'],
  ['libs/bus/src/memory/a.ts', 'vitest'],
  ['libs/store/src/memory/a.ts', '@relearn/sqlite'],
  ['libs/blobs/src/memory/a.ts', 'node:fs'],
  ['libs/rpc/src/a.ts', '@grpc/grpc-js'],
  ['libs/rpc/src/in-process/a.ts', '../grpc/index.js'],
  ['libs/telemetry/src/a.ts', '@relearn/runtime'],
  ['libs/runtime/src/a.ts', '@relearn/bus/embedded'],
  ['libs/runtime/src/a.ts', '@relearn/serving'],
  ['libs/runtime/src/a.ts', 'node:worker_threads'],
  ['services/serving/src/a.ts', '@relearn/training'],
  ['services/serving/src/handlers/a.ts', '@relearn/bus/memory'],
  ['services/serving/src/rpc/a.ts', '@relearn/rpc/grpc'],
  ['services/serving/src/rpc/a.ts', 'node:http'],
  ['services/registry/src/a.ts', '@relearn/sqlite'],
  ['services/monitoring/src/a.ts', 'onnxruntime-node'],
  ['services/registry/src/domain/a.ts', 'onnxruntime-node'],
  ['services/registry/src/a.ts', '@relearn/platform'],
  ['services/registry/src/domain/a.ts', 'node:fs'],
  ['services/registry/src/domain/a.ts', '@relearn/telemetry'],
  ['services/registry/src/domain/deep/a.ts', '../../handlers/a.js'],
  ['services/registry/src/domain/a.ts', '../service.js'],
  ['services/evaluation/src/domain/a.ts', 'onnxruntime-node'],
  ['apps/console/src/a.ts', '@relearn/registry'],
  ['apps/platform/src/a.ts', '@relearn/bus/conformance'],
  ['apps/cli/src/a.ts', '@relearn/store/embedded'],
];

const allowed: readonly (readonly [string, string])[] = [
  ['libs/kernel/src/ok.ts', 'node:crypto'],
  ['libs/features/src/ok.ts', '@relearn/contracts'],
  ['libs/bus/src/embedded/ok.ts', '@relearn/sqlite'],
  ['libs/bus/src/conformance/ok.ts', 'vitest'],
  ['libs/rpc/src/grpc/ok.ts', '@grpc/grpc-js'],
  ['libs/runtime/src/workers/ok.ts', 'node:worker_threads'],
  ['services/serving/src/ok.ts', 'onnxruntime-node'],
  ['services/training/src/jobs/ok.ts', '@relearn/runtime/workers'],
  ['services/training/src/domain/ok.ts', '@relearn/stats'],
  ['services/training/src/domain/deep/ok.ts', '../choose.js'],
  ['services/training/test/ok.ts', '@relearn/bus/memory'],
  ['apps/platform/src/ok.ts', '@relearn/bus/embedded'],
];

/** Sources that break a rule of the house: file, rule, text. */
const faulty: readonly (readonly [string, string, string])[] = [
  ['services/registry/src/any.ts', 'no-explicit-any', 'export const value: any = 1;\n'],
  ['services/registry/src/floating.ts', 'no-floating-promises', 'export function run() {\n  Promise.resolve(1);\n}\n'],
  ['services/registry/src/default.ts', 'no-default-export', 'export default 1;\n'],
  ['services/registry/src/console.ts', 'no-console', "console.log('x');\n"],
  ['services/registry/src/BadName.ts', 'filename-case', 'export const value = 1;\n'],
  ['services/registry/src/throws.ts', 'only-throw-error', "export function fail() {\n  throw 'text';\n}\n"],
  ['services/registry/src/protocol.ts', 'prefer-node-protocol', "export { join } from 'path';\n"],
  ['services/registry/src/first.ts', 'no-cycle', "export { b } from './second.js';\nexport const a = 1;\n"],
  ['services/registry/src/second.ts', 'no-cycle', "export { a } from './first.js';\nexport const b = 1;\n"],
  [
    'services/registry/src/domain/value.ts',
    'no-restricted-imports',
    "import { open } from '@relearn/store';\nexport const value = open;\n",
  ],
  [
    'services/registry/src/switch.ts',
    'switch-exhaustiveness-check',
    "export function f(x: 'a' | 'b') {\n  switch (x) {\n    case 'a':\n      return 1;\n  }\n  return 2;\n}\n",
  ],
];

const clean: readonly (readonly [string, string])[] = [
  ['services/registry/src/domain/types.ts', "import type { Json } from '@relearn/store';\nexport type Value = Json;\n"],
  ['services/registry/src/awaited.ts', 'export async function run() {\n  await Promise.resolve(1);\n}\n'],
  ['vitest.config.ts', 'export default {};\n'],
  ['bench/print.ts', "console.log('x');\n"],
];

interface Diagnostic {
  readonly filename: string;
  readonly code: string;
  readonly labels: readonly { readonly span: { readonly line: number } }[];
}

/** One file a room that imports everything there is, a line each. */
const everything = [...specifiers.map((name) => `@relearn/${name}`), ...nodeModules.map((name) => `node:${name}`)];
const sampleOf = (room: Room) => (room.files[0] ?? '').replace('**', 'everything.ts');
const lineOf = (diagnostic: Diagnostic) => diagnostic.labels[0]?.span.line;

let tree = '';
let found: readonly Diagnostic[] = [];

function plant(path: string, text: string) {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), text);
}

const importFile = (path: string, index: number) => path.replace(/\.ts$/, `-${index}.ts`);
const importLine = (module: string) => `export * from '${module}';\n`;

beforeAll(() => {
  tree = realpathSync(mkdtempSync(join(tmpdir(), 'relearn-lint-')));
  plant('.oxlintrc.json', configuration);
  const compilerOptions = { strict: true, module: 'nodenext', target: 'es2023', types: [], noEmit: true };
  plant('tsconfig.json', JSON.stringify({ compilerOptions, include: ['**/*.ts'] }));
  for (const [index, [path, module]] of [...forbidden, ...allowed].entries()) {
    plant(importFile(path, index), importLine(module));
  }
  for (const room of rooms) plant(sampleOf(room), everything.map(importLine).join(''));
  for (const [path, , text] of faulty) plant(path, text);
  for (const [path, text] of clean) plant(path, text);
  const bin = join(workspace, 'node_modules/.bin');
  // The type-aware part is a program of its own that the linter looks for on the path.
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };
  const run = spawnSync(join(bin, 'oxlint'), ['--type-aware', '-f', 'json'], {
    cwd: tree,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    env,
  });
  const report: { diagnostics: Diagnostic[] } = JSON.parse(run.stdout);
  found = report.diagnostics;
});

afterAll(() => rmSync(tree, { recursive: true, force: true }));

const rulesAt = (path: string) => found.filter(({ filename }) => filename === path).map(({ code }) => code);

describe('the linter holds the rooms', () => {
  test.each(forbidden.map(([path, module], index) => [path, module, importFile(path, index)] as const))(
    '%s may not import %s',
    (_path, _module, file) => {
      expect(rulesAt(file)).toContain('eslint(no-restricted-imports)');
    },
  );

  test.each(
    allowed.map(([path, module], index) => [path, module, importFile(path, forbidden.length + index)] as const),
  )('%s may import %s', (_path, _module, file) => {
    expect(rulesAt(file)).toEqual([]);
  });

  test.each(rooms.map((room) => [room.name, room] as const))(
    '%s may import what the table says, no more',
    (_name, room) => {
      const open = new Set([
        ...room.ours.map((name) => `@relearn/${name}`),
        ...(room.node ?? []).map((name) => `node:${name}`),
      ]);
      const flagged = new Set(found.filter(({ filename }) => filename === sampleOf(room)).map(lineOf));
      expect(everything.filter((_module, index) => !flagged.has(index + 1))).toEqual(
        everything.filter((name) => open.has(name)),
      );
    },
  );
});

describe('the linter holds the rules of the house', () => {
  test.each(faulty)('%s breaks %s', (path, rule) => {
    expect(rulesAt(path).some((code) => code.endsWith(`(${rule})`))).toBe(true);
  });

  test.each(clean)('%s breaks none', (path) => {
    expect(rulesAt(path)).toEqual([]);
  });
});
