import { setTimeout as sleep } from 'node:timers/promises';
import { root, run, usageOf } from './docker.mjs';

/** The network that compose makes for its project. */
const network = 'relearn_default';

/** Starts kafkajs by itself beside the services, in a container of the same image; answers its id. */
async function startBareKafkajs() {
  const script = 'tests/compose/bare-kafkajs.mjs';
  const mount = `${root}${script}:/app/${script}:ro`;
  const words = ['run', '--detach', '--rm', '--init', '--no-healthcheck', '--network', network, '--volume', mount];
  const { out, err, code } = await run('docker', [...words, '--entrypoint', 'node', 'relearn:local', `/app/${script}`]);
  if (code !== 0) throw new Error(`bare kafkajs did not start: ${err}`);
  const id = out.trim();
  for (;;) {
    const { out: said, code: there } = await run('docker', ['logs', id]);
    if (there !== 0) throw new Error('bare kafkajs has ended');
    if (said.includes('idle')) return id;
    await sleep(200);
  }
}

/**
 * What each container uses while nobody has anything to do, and bare kafkajs at the same time where the broker is Kafka.
 * @param {import('./docker.mjs').Compose} compose
 * @returns {Promise<{ name: string, share: number, memory: number }[]>} share of one core, bytes
 */
export async function measureIdle(compose, seconds) {
  const containers = (await compose.states())
    .filter(({ state }) => state === 'running')
    .map(({ service, id }) => ({ name: service, id }));
  const bare = containers.some(({ name }) => name === 'kafka') ? await startBareKafkajs() : undefined;
  if (bare !== undefined) containers.push({ name: 'bare kafkajs', id: bare });
  try {
    await sleep(10_000);
    const look = () =>
      Promise.all(containers.map(async ({ id }) => ({ at: performance.now(), ...(await usageOf(id)) })));
    const before = await look();
    await sleep(seconds * 1000);
    const after = await look();
    return containers.map(({ name }, index) => {
      const share = (after[index].cpuMs - before[index].cpuMs) / (after[index].at - before[index].at);
      return { name, share, memory: after[index].memory };
    });
  } finally {
    if (bare !== undefined) await run('docker', ['stop', bare]);
  }
}
