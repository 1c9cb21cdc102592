// Services of the platform, a process each.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.mjs';

export const launcher = fileURLToPath(new URL('../apps/cli/bin/relearn.mjs', import.meta.url));

/**
 * `relearn serve NAME` for each name, ready, on the engines of the settings; the console is among them. `start` and `kill`
 * resolve when the process has been launched and when it is gone.
 */
export async function startServices(names, settings) {
  const ports = new Map();
  for (const name of names) ports.set(name, { http: await freePort(), grpc: await freePort() });
  const addresses = [...ports].map(([name, { http, grpc }]) => `${name}=127.0.0.1:${grpc}/${http}`).join(',');
  const children = new Map();
  const start = (name) => {
    const { http, grpc } = ports.get(name);
    const env = {
      ...process.env,
      ...settings,
      RELEARN_HTTP: `127.0.0.1:${http}`,
      RELEARN_GRPC: `127.0.0.1:${grpc}`,
      RELEARN_DATA: join(settings.RELEARN_DATA, name),
      RELEARN_ADDRESSES: addresses,
      RELEARN_LOG: settings.RELEARN_LOG ?? 'warn',
    };
    children.set(
      name,
      spawn(process.execPath, [launcher, 'serve', name], { env, stdio: ['ignore', 'ignore', 'inherit'] }),
    );
  };
  const end = async (name, signal) => {
    const child = children.get(name);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  };
  for (const name of names) start(name);
  for (const { http } of ports.values()) await ready(`http://127.0.0.1:${http}`);
  return {
    url: `http://127.0.0.1:${ports.get('console').http}`,
    pids: () => [...children.values()].map(({ pid }) => pid),
    start,
    kill: (name) => end(name, 'SIGKILL'),
    stop: async () => {
      for (const name of children.keys()) await end(name, 'SIGTERM');
    },
  };
}

export async function ready(url) {
  const answers = () =>
    fetch(`${url}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    );
  while (!(await answers())) await sleep(50);
}
