import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const groups = ['libs', 'services', 'apps'];
const rootFiles = ['tsconfig.base.json', 'package-lock.json'];
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const packageFiles = ['package.json', 'tsconfig.json'];

/**
 * Compiles the workspace under `root` unless what is compiled is up to date; where there are no sources it does
 * nothing. Launches at the same time wait for the one that builds. False: it failed, and standard error says why.
 * @param {string} root
 * @returns {Promise<boolean>}
 */
export async function ensureBuilt(root) {
  if (!existsSync(join(root, 'apps/cli/src')) || isFresh(root)) return true;
  const release = await lock(root);
  try {
    if (isFresh(root)) return true;
    const fingerprint = fingerprintOf(root);
    if (!(await compile(root))) return false;
    mkdirSync(join(root, 'apps/cli/dist'), { recursive: true });
    writeFileSync(stampOf(root), fingerprint);
    return true;
  } finally {
    release();
  }
}

function stampOf(root) {
  return join(root, 'apps/cli/dist/.built');
}

function isFresh(root) {
  const built = packagesOf(root).every((folder) => existsSync(join(folder, 'dist/index.js')));
  return built && existsSync(stampOf(root)) && readFileSync(stampOf(root), 'utf8') === fingerprintOf(root);
}

function packagesOf(root) {
  return groups
    .filter((group) => existsSync(join(root, group)))
    .flatMap((group) => readdirSync(join(root, group)).map((name) => join(root, group, name)))
    .filter((folder) => existsSync(join(folder, 'tsconfig.json')));
}

/** Path, size and time of every file that the compiler reads: also an older file that comes back is a change. */
function fingerprintOf(root) {
  const hash = createHash('sha256');
  const add = (path) => {
    const { size, mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { size: 0, mtimeMs: 0 };
    hash.update(`${path}\0${size}\0${mtimeMs}\n`);
  };
  for (const name of rootFiles) add(join(root, name));
  for (const folder of packagesOf(root)) {
    for (const name of packageFiles) add(join(folder, name));
    for (const file of filesUnder(join(folder, 'src'))) add(file);
  }
  return hash.digest('hex');
}

function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** @returns {Promise<boolean>} whether the compiler accepted everything that the command line needs */
async function compile(root) {
  const compiler = compilerOf(root);
  if (compiler === undefined) {
    process.stderr.write(`relearn: the TypeScript compiler is not installed; run \`npm ci\` in ${root}\n`);
    return false;
  }
  process.stderr.write('relearn: building\n');
  const arguments_ = [compiler, '-b', join(root, 'apps/cli')];
  const child = spawn(process.execPath, arguments_, { cwd: root, stdio: ['ignore', 2, 2] });
  const pass = (signal) => child.kill(signal);
  for (const signal of signals) process.on(signal, pass);
  const [status, problem] = await new Promise((resolve) => {
    child.once('error', (error) => resolve([1, error.message]));
    child.once('exit', (code, signal) => resolve([code, signal === null ? `status ${code}` : `signal ${signal}`]));
  });
  for (const signal of signals) process.off(signal, pass);
  if (status !== 0) process.stderr.write(`relearn: the build failed (${problem}); correct the sources named above\n`);
  return status === 0;
}

function compilerOf(root) {
  try {
    const manifest = createRequire(join(root, 'package.json')).resolve('typescript/package.json');
    return join(manifest, '../bin/tsc');
  } catch {
    return undefined;
  }
}

/**
 * Holds the build of this folder until the function given back is called or this process dies, in whatever way: the
 * lock is a listening socket. Who finds it held connects to the holder and waits for that connection to end.
 * @returns {Promise<() => void>}
 */
async function lock(root) {
  const address = addressOf(`relearn-build-${createHash('sha256').update(root).digest('hex').slice(0, 16)}`);
  const waiting = new Set();
  for (;;) {
    const server = await listen(address, (socket) => waiting.add(socket.on('error', () => socket.destroy())));
    if (server !== undefined) {
      return () => {
        server.close();
        for (const socket of waiting) socket.destroy();
      };
    }
    // Where the address is a file, a holder that was killed leaves it behind.
    if (!(await holderEnded(address)) && address.startsWith('/')) rmSync(address, { force: true });
  }
}

function addressOf(name) {
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  // Linux keeps names that begin with a zero byte outside of the file system: they go with their process.
  return process.platform === 'linux' ? `\0${name}` : join(tmpdir(), `${name}.sock`);
}

/** A server on the address, or undefined when somebody else has it. */
function listen(address, onConnection) {
  return new Promise((resolve, reject) => {
    const server = createServer(onConnection);
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen(address, () => resolve(server));
  });
}

/** Waits for the holder to let go or die; false when there is none. */
function holderEnded(address) {
  return new Promise((resolve) => {
    let answered = false;
    const socket = connect(address, () => {
      answered = true;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answered));
    socket.resume();
  });
}
