import { mkdir, mkdtemp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { buildOnce, cacheFolder, folderOf, isBuilt, recipes, run } from './cache.js';
import { type EngineName, s3Credentials } from './engines.js';
import type { Guard } from './guard.js';
import { kafka } from './kafka.js';
import type { Program } from './program.js';
import { answers, freePorts } from './protocols.js';
import { type Server, until } from './server.js';

const host = '127.0.0.1';

/** A server from the Go module proxy. Needs Go 1.21 or newer, which fetches the toolchain that the module asks for. */
function goProgram(
  name: string,
  source: string,
  argsOf: (address: { host: string; port: number }, data: string) => string[],
): Program {
  // A version of its own: what it depends on is none of the others' business.
  const apart = source.includes('@');
  const folder = () =>
    apart
      ? join(cacheFolder(), basename(source))
      : folderOf(name, ['go.mod', 'go.sum', 'ferretdb/main.go', 'ferretdb/front.go']);
  const settings = { GOTOOLCHAIN: 'auto', CGO_ENABLED: '0' };
  const go = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    run('go', args, { cwd: recipes, env: { ...settings, ...env } });
  return {
    origin: 'built with Go',
    async missing() {
      if (isBuilt(folder())) return undefined;
      return await go(['version']).then(
        () => undefined,
        (failure: Error) => failure.message,
      );
    },
    isBuilt: () => isBuilt(folder()),
    async build() {
      await buildOnce(folder(), async (into) => {
        await (apart ? go(['install', source], { GOBIN: into }) : go(['build', '-o', join(into, name), source]));
      });
      return folder();
    },
    ports: 1,
    async prepare(built, parent, [port = 0]) {
      const data = join(parent, name);
      await mkdir(data, { recursive: true });
      return { command: join(built, name), args: argsOf({ host, port }, data) };
    },
  };
}

export const programs: Readonly<Record<EngineName, Program>> = {
  kafka,
  nats: goProgram('nats-server', 'github.com/nats-io/nats-server/v2', ({ host, port }, data) => [
    '-a',
    host,
    '-p',
    `${port}`,
    '-js',
    '-sd',
    data,
  ]),
  mongodb: goProgram('ferretdb', './ferretdb', ({ host, port }, data) => [`${host}:${port}`, data]),
  s3: goProgram('versitygw', 'github.com/versity/versitygw/cmd/versitygw@v1.8.0', ({ host, port }, data) => [
    '--access',
    s3Credentials.accessKeyId,
    '--secret',
    s3Credentials.secretAccessKey,
    '--port',
    `${host}:${port}`,
    '--quiet',
    'posix',
    data,
  ]),
};

const schemes: Readonly<Record<EngineName, string>> = {
  kafka: '',
  nats: 'nats://',
  mongodb: 'mongodb://',
  s3: 'http://',
};
export const addressOf = (engine: EngineName, host: string, port: number) => `${schemes[engine]}${host}:${port}`;

/** Builds it where it is not, and starts it on free ports of this machine. */
export async function startProgram(engine: EngineName, guard: Guard): Promise<Server> {
  const program = programs[engine];
  const built = await program.build();
  const folder = await mkdtemp(join(guard.folder, `${engine}-`));
  const name = basename(folder);
  const ports = await freePorts(program.ports);
  const [port = 0] = ports;
  const { command, args } = await program.prepare(built, folder, ports);
  const answered = () =>
    until(
      engine,
      () => answers(engine, host, port),
      () => guard.gone(name),
    );
  const restart = async () => {
    await guard.start(name, command, args);
    await answered();
  };
  await restart();
  return {
    address: addressOf(engine, host, port),
    origin: program.origin,
    control: {
      kill: () => guard.signal(name, 'SIGKILL'),
      restart,
      pause: () => guard.signal(name, 'SIGSTOP'),
      async resume() {
        await guard.signal(name, 'SIGCONT');
        await answered();
      },
      another: () => startProgram(engine, guard),
    },
  };
}
