// How each server of the bench is started: the platform, the bare one beside this file, and peers by a table of commands.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../free-port.mjs';
import '../no-reports.mjs';

const launcher = fileURLToPath(new URL('../../apps/cli/bin/relearn.mjs', import.meta.url));
const front = fileURLToPath(new URL('./front.mjs', import.meta.url));
const bare = fileURLToPath(new URL('./bare.mjs', import.meta.url));

/** A process group of its own, ended as a whole. */
function start(command, args, options) {
  const child = spawn(command, args, { stdio: 'ignore', detached: true, ...options });
  const exited = once(child, 'exit');
  const stop = async () => {
    for (const signal of ['SIGTERM', 'SIGKILL']) {
      try {
        process.kill(-Number(child.pid), signal);
      } catch {
        return;
      }
      await Promise.race([exited, sleep(8_000)]);
    }
  };
  return { pid: child.pid, stop };
}

/** `relearn up` with all its services, the prediction log and metrics; the model registered from its file. */
async function platform({ name, file }, folder) {
  const [http, grpc] = [await freePort(), await freePort()];
  const env = {
    ...process.env,
    RELEARN_DATA: join(folder, 'data'),
    RELEARN_HTTP: `127.0.0.1:${http}`,
    RELEARN_GRPC: `127.0.0.1:${grpc}`,
    RELEARN_URL: `http://127.0.0.1:${http}`,
  };
  const server = start(launcher, ['up'], { env, cwd: folder });
  for (let tries = 0; !(await isReady(http)); tries++) {
    if (tries > 300) throw new Error('relearn up does not get ready');
    await sleep(100);
  }
  const register = spawn(launcher, ['models', 'register', name, file, '--alias', 'champion'], { env, stdio: 'ignore' });
  const [code] = await once(register, 'exit');
  if (code !== 0) throw new Error(`relearn models register ended with ${code}`);
  return { ...server, address: `127.0.0.1:${grpc}`, http: `127.0.0.1:${http}` };
}

async function isReady(port) {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
  } catch {
    return false;
  }
}

async function bareServer({ name, file }, folder) {
  const port = await freePort();
  return {
    ...start(process.execPath, [bare, String(port), file, name], { cwd: folder }),
    address: `127.0.0.1:${port}`,
  };
}

/** Serving alone, without a log, with batching `on` or `off`. */
export function frontWith(batching) {
  return {
    name: `batching ${batching}`,
    begin: async ({ name, file }, folder) => {
      const port = await freePort();
      const args = [front, String(port), file, name, batching];
      return { ...start(process.execPath, args, { cwd: folder }), address: `127.0.0.1:${port}` };
    },
  };
}

/** A peer by its entry: `cmd`, `env`, `cwd`, `path`, `files`, `url`, with ${PORT}, ${PORT2}, ${PORT3}, ${MODELS}, ${MODEL}, ${TMP} and the environment's. */
function peer(entry) {
  return async ({ name, file }, folder) => {
    const ports = [await freePort(), await freePort(), await freePort()];
    const [PORT, PORT2, PORT3] = ports.map(String);
    const own = { PORT, PORT2, PORT3, MODEL: name, MODELS: resolve(file, '..'), TMP: folder };
    const filled = (text) => text.replace(/\$\{(\w+)\}/g, (_, key) => own[key] ?? process.env[key] ?? '');
    for (const [path, content] of Object.entries(entry.files ?? {})) {
      await writeFile(join(folder, path), filled(typeof content === 'string' ? content : JSON.stringify(content)));
    }
    const env = { ...process.env };
    for (const [key, value] of Object.entries(entry.env ?? {})) env[key] = filled(value);
    if (entry.path !== undefined) env.PATH = `${filled(entry.path)}:${env.PATH}`;
    const [command, ...args] = entry.cmd.map(filled);
    const server = start(command, args, { env, cwd: filled(entry.cwd ?? folder) });
    return entry.url === undefined
      ? { ...server, address: `127.0.0.1:${PORT}` }
      : { ...server, url: filled(entry.url) };
  };
}

/** By name, each a function that starts it with the model and gives its address or URL, its process and how to stop it. */
export async function serversOf({ peers, only }) {
  const servers = new Map([
    ['relearn', platform],
    ['bare grpc-js', bareServer],
  ]);
  const table = peers === undefined ? {} : JSON.parse(await readFile(peers, 'utf8'));
  for (const [name, entry] of Object.entries(table)) servers.set(name, peer(entry));
  const wanted = only ?? [...servers.keys()];
  return wanted.map((name) => {
    const begin = servers.get(name);
    if (begin === undefined)
      throw new Error(`there is no server '${name}'; there are: ${[...servers.keys()].join(', ')}`);
    return { name, begin };
  });
}

/** Runs the work beside the server, in a folder that is gone afterwards. */
export async function beside({ begin }, model, work) {
  const folder = await mkdtemp(join(tmpdir(), 'relearn-serving-'));
  let server;
  try {
    server = await begin(model, folder);
    return await work(server);
  } finally {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs the work beside all of them. */
export function besideAll([first, ...rest], model, work, running = []) {
  if (first === undefined) return work(running);
  return beside(first, model, (server) => besideAll(rest, model, work, [...running, server]));
}
