import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { StartedTestContainer } from 'testcontainers';
import { type EngineName, s3Credentials } from './engines.js';
import type { Guard } from './guard.js';
import { brokerSettings } from './kafka.js';
import { addressOf } from './programs.js';
import { answers, freePorts } from './protocols.js';
import { type Server, until } from './server.js';

/** `RELEARN_TEST_KAFKA_IMAGE` and so on take another image's place. */
const images: Readonly<Record<EngineName, string>> = {
  kafka: process.env['RELEARN_TEST_KAFKA_IMAGE'] ?? 'apache/kafka:4.1.1',
  nats: process.env['RELEARN_TEST_NATS_IMAGE'] ?? 'nats:2.12-alpine',
  mongodb: process.env['RELEARN_TEST_MONGODB_IMAGE'] ?? 'mongo:8.0',
  s3: process.env['RELEARN_TEST_S3_IMAGE'] ?? 'minio/minio:RELEASE.2025-09-07T16-13-09Z',
};

interface Recipe {
  readonly port: number;
  /** What it logs when it is ready. */
  readonly ready: RegExp;
  readonly command: readonly string[];
  environment(host: string, port: number): Record<string, string>;
}

const recipesOf: Readonly<Record<EngineName, Recipe>> = {
  kafka: {
    port: 9092,
    ready: /Kafka Server started/,
    command: [],
    environment: (host, port) => ({ ...kafkaEnvironment(host, port), KAFKA_HEAP_OPTS: '-Xmx320m' }),
  },
  nats: { port: 4222, ready: /Server is ready/, command: ['-js', '-sd', '/data'], environment: () => ({}) },
  mongodb: { port: 27017, ready: /waiting for connections/i, command: [], environment: () => ({}) },
  s3: {
    port: 9000,
    ready: /API: /,
    command: ['server', '/data'],
    environment: () => ({
      MINIO_ROOT_USER: s3Credentials.accessKeyId,
      MINIO_ROOT_PASSWORD: s3Credentials.secretAccessKey,
    }),
  },
};

function kafkaEnvironment(host: string, port: number): Record<string, string> {
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': '1@localhost:9093',
    listeners: 'PLAINTEXT://:9092,CONTROLLER://:9093',
    'advertised.listeners': `PLAINTEXT://${host}:${port}`,
    'inter.broker.listener.name': 'PLAINTEXT',
    ...brokerSettings,
  };
  const names = Object.entries(settings);
  return Object.fromEntries(
    names.map(([name, value]) => [`KAFKA_${name.toUpperCase().replaceAll('.', '_')}`, `${value}`]),
  );
}

const sockets = [
  '/var/run/docker.sock',
  '.docker/run/docker.sock',
  '.docker/desktop/docker.sock',
  '.testcontainers.properties',
];

/** Why there is no Docker engine; undefined where one answers. Its client is loaded only where there may be one. */
export async function withoutContainers(): Promise<string | undefined> {
  const { DOCKER_HOST, XDG_RUNTIME_DIR = '', RELEARN_TEST_CONTAINERS } = process.env;
  if (RELEARN_TEST_CONTAINERS === 'no') return 'RELEARN_TEST_CONTAINERS=no';
  const places = [...sockets.map((path) => join(homedir(), path)), ...sockets, join(XDG_RUNTIME_DIR, 'docker.sock')];
  if (DOCKER_HOST === undefined && !places.some((path) => path.startsWith('/') && existsSync(path))) {
    return 'no Docker engine';
  }
  const { getContainerRuntimeClient } = await import('testcontainers');
  return getContainerRuntimeClient().then(
    () => undefined,
    () => 'no Docker engine answers',
  );
}

/** Starts the engine's image on a port that stays when it is killed and started again. */
export async function startContainer(engine: EngineName, guard: Guard): Promise<Server> {
  const { GenericContainer, getContainerRuntimeClient, Wait } = await import('testcontainers');
  await guard.keepsContainers();
  const { info, container: runtime } = await getContainerRuntimeClient();
  const { host } = info.containerRuntime;
  const { port: inside, ready, command, environment } = recipesOf[engine];
  const [port = 0] = await freePorts(1);
  const [label = '', value = ''] = guard.label.split('=');
  const started: StartedTestContainer = await new GenericContainer(images[engine])
    .withExposedPorts({ container: inside, host: port })
    .withEnvironment(environment(host, port))
    .withCommand([...command])
    .withLabels({ [label]: value })
    .withWaitStrategy(Wait.forLogMessage(ready))
    .withStartupTimeout(180_000)
    .start();
  const container = runtime.getById(started.getId());
  const answered = () =>
    until(
      `the container of ${engine}`,
      () => answers(engine, host, port),
      () => undefined,
    );
  await answered();
  return {
    address: addressOf(engine, host, port),
    origin: `container of ${images[engine]}`,
    control: {
      async kill() {
        const ended = container.wait();
        await container.kill({ signal: 'SIGKILL' });
        await ended;
      },
      async restart() {
        await container.start();
        await answered();
      },
      pause: async () => void (await container.pause()),
      async resume() {
        await container.unpause();
        await answered();
      },
      another: () => startContainer(engine, guard),
    },
  };
}
