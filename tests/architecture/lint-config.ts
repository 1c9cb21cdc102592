import { nodeModules, type Room, rooms, specifiers } from './rooms.js';

interface Pattern {
  readonly regex: string;
  readonly message: string;
  readonly allowTypeImports?: true;
}

const table = 'see tests/architecture/rooms.ts';

/** Packages of npm that some room may import. */
const npmPackages = [...new Set(rooms.flatMap((room) => room.npm ?? []))].sort();

/**
 * The linter's configuration: one override a room, since where two overrides set the same rule the later one replaces
 * the earlier. Rust's expressions know no look-ahead, so what is forbidden is spelled out.
 */
export function lintConfig(): object {
  return {
    $schema: './node_modules/oxlint/configuration_schema.json',
    plugins: ['typescript', 'import', 'unicorn', 'oxc', 'promise'],
    categories: { correctness: 'error' },
    options: { typeAware: true },
    rules,
    overrides: [
      ...rooms.map((room) => ({
        files: room.files,
        rules: { 'no-restricted-imports': ['error', { patterns: patternsOf(room) }] },
      })),
      { files: ['**/*.config.ts'], rules: { 'import/no-default-export': 'off' } },
      { files: ['apps/**', 'bench/**', 'examples/**', 'tests/**', '**/test/**'], rules: { 'no-console': 'off' } },
    ],
    ignorePatterns: ['**/dist/**', '**/node_modules/**', 'data/**'],
  };
}

const rules = {
  eqeqeq: 'error',
  'no-var': 'error',
  'prefer-const': 'error',
  'no-console': 'error',
  'import/no-cycle': 'error',
  'import/no-default-export': 'error',
  'import/no-self-import': 'error',
  'unicorn/filename-case': ['error', { case: 'kebabCase' }],
  'unicorn/prefer-node-protocol': 'error',
  'typescript/no-explicit-any': 'error',
  'typescript/no-floating-promises': 'error',
  // Without its check of callbacks, which takes half a minute on the types of the events.
  'typescript/no-misused-promises': ['error', { checksVoidReturn: false }],
  'typescript/await-thenable': 'error',
  'typescript/only-throw-error': 'error',
  'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
  'typescript/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
  'typescript/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true, allowArray: true }],
  'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
  // Off: each forbids what is meant here. Arrays are sized before they are filled; a copy is walked while its origin
  // changes; a condition's branch is called `then`; grpc-js answers by callback; ports are objects of closures.
  'typescript/unbound-method': 'off',
  'unicorn/no-new-array': 'off',
  'unicorn/no-useless-spread': 'off',
  'unicorn/no-thenable': 'off',
  'promise/no-callback-in-promise': 'off',
};

function patternsOf(room: Room): Pattern[] {
  const open = new Set<string>([...room.ours, ...(room.typesOf ?? [])]);
  const npm = new Set(room.npm ?? []);
  const node = new Set(room.node ?? []);
  const where = `not from ${room.name}: ${table}`;
  return [
    pattern(
      '^@relearn/',
      specifiers.filter((name) => !open.has(name)),
      '$',
      where,
    ),
    pattern('^@relearn/', room.typesOf ?? [], '$', `types only, ${where}`, true),
    pattern(
      '^',
      npmPackages.filter((name) => !npm.has(name)),
      '(?:/|$)',
      where,
    ),
    pattern(
      '^node:',
      nodeModules.filter((name) => !node.has(name)),
      '(?:/|$)',
      where,
    ),
    pattern('^(?:\\.\\.?/)+', room.closed ?? [], '(?:/|\\.js$)', where),
  ].filter((made) => made !== undefined);
}

function pattern(
  before: string,
  names: readonly string[],
  after: string,
  message: string,
  types = false,
): Pattern | undefined {
  if (names.length === 0) return undefined;
  const escaped = names.map((name) => name.replaceAll('.', '\\.'));
  return {
    regex: `${before}(?:${escaped.join('|')})${after}`,
    message,
    ...(types ? { allowTypeImports: true as const } : {}),
  };
}
