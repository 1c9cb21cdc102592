import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { RelearnError } from '@relearn/kernel';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What the environment says. */
export interface Config {
  readonly data: string;
  readonly http: Address;
  readonly grpc: Address;
  readonly url: string;
  readonly partitions: number;
  readonly logLevel: string;
  readonly otlpEndpoint: string | undefined;
  readonly failpoints: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the configuration. `NAME_FILE` names a file with the value. Throws INVALID_CONFIG naming the variable. */
export function readConfig(env: Environment): Config {
  const text = (name: string, fallback: string) => valueOf(env, name) ?? fallback;
  const data = resolve(text('RELEARN_DATA', './data'));
  for (const [name, scheme] of [
    ['RELEARN_BUS', 'embedded:'],
    ['RELEARN_STORE', 'sqlite:'],
    ['RELEARN_BLOBS', 'file:'],
  ] as const) {
    const value = valueOf(env, name);
    if (value !== undefined && resolve(value.replace(scheme, '')) !== data) {
      throw new RelearnError(
        'INVALID_CONFIG',
        `${name}=${value} is not served: this version keeps all in ${scheme}${data}`,
        {
          place: { field: name },
          remedy: `Unset ${name}, or set RELEARN_DATA to the folder.`,
        },
      );
    }
  }
  return {
    data,
    http: address('RELEARN_HTTP', text('RELEARN_HTTP', '127.0.0.1:8080')),
    grpc: address('RELEARN_GRPC', text('RELEARN_GRPC', '127.0.0.1:8001')),
    url: text('RELEARN_URL', 'http://127.0.0.1:8080'),
    partitions: positive('RELEARN_PARTITIONS', text('RELEARN_PARTITIONS', '8')),
    logLevel: text('RELEARN_LOG', 'info'),
    otlpEndpoint: valueOf(env, 'OTEL_EXPORTER_OTLP_ENDPOINT'),
    failpoints: text('RELEARN_FAILPOINT', ''),
  };
}

function valueOf(env: Environment, name: string): string | undefined {
  const direct = env[name];
  if (direct !== undefined && direct !== '') return direct;
  const file = env[`${name}_FILE`];
  if (file === undefined || file === '') return undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (thrown) {
    throw new RelearnError('INVALID_CONFIG', `${name}_FILE: ${file} cannot be read`, {
      cause: thrown,
      place: { field: `${name}_FILE` },
    });
  }
}

function address(name: string, text: string): Address {
  const at = text.lastIndexOf(':');
  const port = Number(text.slice(at + 1));
  if (at < 1 || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new RelearnError('INVALID_CONFIG', `${name}=${text} is no host:port`, { place: { field: name } });
  }
  return { host: text.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 1024) return value;
  throw new RelearnError('INVALID_CONFIG', `${name}=${text} is no count from 1 to 1024`, { place: { field: name } });
}
