import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildOnce, folderOf, isBuilt, recipes, run } from './cache.js';
import type { Command, Program } from './program.js';
import { answers, freePorts } from './protocols.js';
import { until } from './server.js';

const pom = 'kafka-pom.xml';
const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';

/** A broker in KRaft mode that is its own controller, from the jars of Maven Central. Needs Java 17, and Maven once. */
export const kafka: Program = {
  origin: 'jars from Maven Central',
  async missing() {
    const folder = folderOf('kafka', [pom]);
    const wanted = isBuilt(folder) ? [java()] : [java(), run('mvn', ['--version'])];
    const absent = (await Promise.allSettled(wanted)).flatMap((one) => (one.status === 'rejected' ? one.reason : []));
    return absent.length === 0 ? undefined : absent.map((reason: Error) => reason.message).join('; ');
  },
  isBuilt: () => isBuilt(folderOf('kafka', [pom])),
  async build() {
    const folder = folderOf('kafka', [pom]);
    await buildOnce(folder, async (into) => {
      const settings = [`-DoutputDirectory=${join(into, 'jars')}`, '-DincludeScope=runtime'];
      await run('mvn', ['-q', '-B', '-f', join(recipes, pom), `${plugin}:copy-dependencies`, ...settings]);
    });
    return folder;
  },
  ports: 2,
  async prepare(built, folder, ports) {
    const data = join(folder, 'kafka');
    await cp(await formatted(built), data, { recursive: true });
    return await commandOf(built, data, ports);
  },
};

async function java(): Promise<void> {
  const version = Number(/version "(\d+)/.exec(await run('java', ['-version']))?.[1]);
  if (version < 17) throw new Error(`Java is ${version}, and Kafka needs 17`);
}

/** Small, and quick to start: a test's data are few, its rebalances many. */
const jvm = ['-Xmx320m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xlog:disable', '-Xlog:all=error:stderr'];
const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
const archive = 'classes.jsa';

function propertiesOf(data: string, [port, controller]: readonly number[]): string {
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': data,
    ...brokerSettings,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** Also those of the container. */
export const brokerSettings = {
  'controller.listener.names': 'CONTROLLER',
  'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
  'auto.create.topics.enable': false,
  'offsets.topic.num.partitions': 4,
  'offsets.topic.replication.factor': 1,
  'transaction.state.log.num.partitions': 1,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  'group.initial.rebalance.delay.ms': 0,
  'group.min.session.timeout.ms': 1000,
  'log.cleaner.enable': false,
  // After a kill the broker is let in again when its old session is over.
  'broker.session.timeout.ms': 3000,
  'broker.heartbeat.interval.ms': 500,
};

async function commandOf(
  built: string,
  data: string,
  ports: readonly number[],
  ...more: readonly string[]
): Promise<Command> {
  const properties = `${data}.properties`;
  await writeFile(properties, propertiesOf(data, ports));
  const classes = ['-cp', await classPath(built), quiet];
  const shared = `-XX:SharedArchiveFile=${join(built, archive)}`;
  return {
    command: 'java',
    args: [...jvm, ...(more.length > 0 ? more : [shared]), ...classes, 'kafka.Kafka', properties],
  };
}

/** In one order: the archive of classes holds for that. */
async function classPath(built: string): Promise<string> {
  const jars = (await readdir(join(built, 'jars'))).sort();
  return jars.map((jar) => join(built, 'jars', jar)).join(':');
}

/**
 * An empty log folder that each broker starts with a copy of, so that formatting, which takes as long as starting, is
 * done once. The broker that tries it leaves an archive of its classes, which brings a start from nine seconds to three.
 */
async function formatted(built: string): Promise<string> {
  const template = join(built, 'formatted');
  if (isBuilt(template)) return template;
  const folder = await mkdtemp(join(built, 'first-'));
  const data = join(folder, 'data');
  const ports = await freePorts(2);
  const [empty, dumped] = [join(folder, 'empty'), join(folder, archive)];
  const { command, args } = await commandOf(built, data, ports, `-XX:ArchiveClassesAtExit=${dumped}`);
  const format = ['format', '-t', 'cmVsZWFybi1yZWxlYXJuIQ', '-c', `${data}.properties`];
  await run('java', [...jvm, '-cp', await classPath(built), quiet, 'kafka.tools.StorageTool', ...format]);
  await cp(data, empty, { recursive: true });
  const broker = spawn(command, args, { stdio: 'ignore' });
  const exited = once(broker, 'exit');
  const gone = () => (broker.exitCode === null ? undefined : `it ended with ${broker.exitCode}`);
  await until('the first start of Kafka', () => answers('kafka', '127.0.0.1', ports[0] ?? 0), gone);
  broker.kill('SIGTERM');
  await exited;
  await rename(dumped, join(built, archive));
  await rename(empty, template).catch((failure: unknown) => {
    if (!isBuilt(template)) throw failure;
  });
  await rm(folder, { recursive: true });
  return template;
}
