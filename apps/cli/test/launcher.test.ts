import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const workspace = fileURLToPath(new URL('../../../', import.meta.url));
let root = '';

/** A workspace of one library and a command line that prints its arguments and exits with their number. */
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'relearn-launcher-')));
  mkdirSync(join(root, 'node_modules/@relearn'), { recursive: true });
  symlinkSync(join(workspace, 'node_modules/typescript'), join(root, 'node_modules/typescript'));
  symlinkSync(join(root, 'libs/words'), join(root, 'node_modules/@relearn/words'));
  cpSync(join(workspace, 'apps/cli/bin'), join(root, 'apps/cli/bin'), { recursive: true });
  write('package.json', '{"type":"module"}');
  addPackage('libs/words', '@relearn/words', []);
  addPackage('apps/cli', '@relearn/cli', [{ path: '../../libs/words' }]);
  write('libs/words/src/index.ts', "export const greeting: string = 'hello';\n");
  write('apps/cli/src/index.ts', cliSource("greeting + ' ' + argv.join(' ')"));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function addPackage(folder: string, name: string, references: object[]) {
  const exports = { types: './dist/index.d.ts', default: './dist/index.js' };
  write(`${folder}/package.json`, JSON.stringify({ name, type: 'module', exports }));
  const compilerOptions = {
    composite: true,
    rootDir: 'src',
    outDir: 'dist',
    types: [],
    lib: ['es2023'],
    module: 'nodenext',
  };
  const buildInfo = { tsBuildInfoFile: 'dist/.tsbuildinfo' };
  write(
    `${folder}/tsconfig.json`,
    JSON.stringify({ compilerOptions: { ...compilerOptions, ...buildInfo }, include: ['src'], references }),
  );
}

function cliSource(text: string): string {
  return `import { greeting } from '@relearn/words';
declare const process: { stdout: { write(text: string): void } };
export async function main(argv: string[]): Promise<number> {
  process.stdout.write(${text});
  return argv.length;
}
`;
}

function write(path: string, text: string) {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
}

interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function start(...argv: string[]): ChildProcess {
  return spawn(process.execPath, [join(root, 'apps/cli/bin/relearn.mjs'), ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function outcome(child: ChildProcess): Promise<Outcome> {
  let [out, err] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  await once(child, 'close');
  return { status: child.exitCode, out, err };
}

const launch = (...argv: string[]) => outcome(start(...argv));

describe('the launcher', () => {
  test('builds on the first launch, hands over arguments and exit code, and does not build again', async () => {
    expect(await launch('a', 'b')).toEqual({ status: 2, out: 'hello a b', err: 'relearn: building\n' });
    expect(await launch('c')).toEqual({ status: 1, out: 'hello c', err: '' });
  });

  test.each([
    [
      'a source changed',
      () => write('libs/words/src/index.ts', "export const greeting: string = 'good day';\n"),
      'good day ',
    ],
    ['a source was added', () => write('libs/words/src/more.ts', 'export {};\n'), 'hello '],
    ['a dist went missing', () => rmSync(join(root, 'libs/words/dist'), { recursive: true }), 'hello '],
  ])('builds again when %s', async (_case, change, expected) => {
    await launch();
    change();
    expect(await launch()).toEqual({ status: 0, out: expected, err: 'relearn: building\n' });
  });

  test('runs nothing when the build fails, says where, exits 1, and recovers', async () => {
    await launch();
    write('libs/words/src/index.ts', 'export const greeting: string = 5;\n');
    const failed = await launch();
    expect(failed).toMatchObject({ status: 1, out: '' });
    expect(failed.err).toMatch(/libs\/words\/src\/index\.ts.*TS2322[^]*the build failed/);
    expect(await launch()).toMatchObject({ status: 1 });

    write('libs/words/src/index.ts', "export const greeting: string = 'again';\n");
    expect(await launch()).toMatchObject({ status: 0, out: 'again ' });
  });

  test('says what to do when the compiler is not installed', async () => {
    rmSync(join(root, 'node_modules/typescript'));
    const failed = await launch();
    expect(failed).toMatchObject({ status: 1, out: '' });
    expect(failed.err).toContain('npm ci');
  });

  test('never builds where there are no sources', async () => {
    await launch();
    for (const folder of ['apps/cli', 'libs/words']) {
      for (const name of ['src', 'tsconfig.json']) rmSync(join(root, folder, name), { recursive: true });
    }
    rmSync(join(root, 'apps/cli/dist/.built'));
    rmSync(join(root, 'node_modules/typescript'));
    expect(await launch('x')).toEqual({ status: 1, out: 'hello x', err: '' });
  });

  test('given launches at the same time, then one builds and the others wait for it', async () => {
    const outcomes = await Promise.all([launch(), launch(), launch()]);
    expect(outcomes.map(({ status, out }) => [status, out])).toEqual([1, 2, 3].map(() => [0, 'hello ']));
    expect(outcomes.map(({ err }) => err).sort()).toEqual(['', '', 'relearn: building\n']);
  });

  test('given a launch killed while it builds, then its lock is gone with it', async () => {
    const killed = start();
    await once(killed.stderr ?? killed, 'data');
    const waiting = launch('w');
    killed.kill('SIGKILL');
    expect(await waiting).toMatchObject({ status: 1, out: 'hello w' });
  });
});
