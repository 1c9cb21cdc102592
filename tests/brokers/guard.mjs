/**
 * Owns the servers of a test process, and ends them when that ends, however it does: the channel between the two closes
 * with it. Started by guard.ts, in a session of its own, so that an interrupt at the terminal passes it by.
 *
 *     guard.mjs FOLDER LABEL
 *
 * FOLDER holds the servers' data and logs, and goes with them; so do containers that bear the label.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const [folder, label] = process.argv.slice(2);
const servers = new Map();
const last = [];
let containers = false;

const orders = {
  async start({ name, command, args, env = {} }) {
    const log = openSync(join(folder, `${name}.log`), 'a');
    const server = spawn(command, args, { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', log, log] });
    servers.set(name, server);
    await once(server, 'spawn');
    server.on('exit', () => {
      const said = readFileSync(join(folder, `${name}.log`), 'utf8').slice(-1500);
      tell({ name, exited: server.signalCode ?? server.exitCode, said });
    });
  },
  async signal({ name, signal }) {
    const server = servers.get(name);
    if (server === undefined || ended(server)) throw new Error(`${name} does not run`);
    const gone = once(server, 'exit');
    server.kill(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await gone;
  },
  async containers() {
    containers = true;
  },
  async atEnd({ command, args }) {
    last.push([command, args]);
  },
};

/** Nobody listens any more once the run has ended. */
const tell = (message) => process.connected && process.send(message);
const ended = (server) => server.exitCode !== null || server.signalCode !== null;

process.on('message', async ({ id, order, ...details }) => {
  try {
    await orders[order](details);
    tell({ id });
  } catch (failure) {
    tell({ id, failure: failure.message });
  }
});
process.once('disconnect', end);
process.once('SIGTERM', end);

async function end() {
  const running = [...servers.values()].filter((server) => !ended(server));
  const gone = running.map((server) => once(server, 'exit'));
  for (const server of running) server.kill('SIGKILL');
  await Promise.all(gone);
  if (containers) await removeContainers();
  for (const [command, args] of last) spawnSync(command, args);
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
}

async function removeContainers() {
  const { getContainerRuntimeClient } = await import('testcontainers');
  const { container } = await getContainerRuntimeClient();
  const mine = await container.dockerode.listContainers({ all: true, filters: { label: [label] } });
  await Promise.all(mine.map(({ Id }) => container.dockerode.getContainer(Id).remove({ force: true, v: true })));
}
