import { join, resolve } from 'node:path';
import type { GrpcFront } from '@relearn/rpc/grpc';
import type { FullPolicy } from '@relearn/serving';
import { type Addresses, readAddresses } from './addresses.js';
import { type Engines, readEngines } from './engines.js';
import { type Environment, invalid, valueOf } from './settings.js';
import type { ServiceName } from '../service-names.js';

const servingProcesses = 'RELEARN_SERVING_PROCESSES';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What the environment says. */
export interface Config {
  /** The folder of what is this process's own: with embedded engines everything, else the prediction spool. */
  readonly data: string;
  readonly engines: Engines;
  /** The folder of the key that signs bundles and of those that are trusted; null: bundles are not signed. */
  readonly keys: string | null;
  /** How long requests are taken still, once it is told that this process stops. */
  readonly leaveMs: number;
  /** Where the services of other processes listen. */
  readonly addresses: Addresses;
  readonly http: Address;
  readonly grpc: Address;
  readonly grpcFront: GrpcFront;
  /** How many share these two addresses; more than one is for serving alone. */
  readonly processes: number;
  readonly url: string;
  readonly partitions: number;
  readonly logLevel: string;
  readonly otlpEndpoint: string | undefined;
  readonly failpoints: string;
  /** Of answers that the prediction log has no room for. */
  readonly whenLogFull: FullPolicy;
  /** Where CloudEvents about requests are sent; undefined: nowhere. */
  readonly inferenceEvents: URL | undefined;
  /** The environment, for the settings of engines: passwords, certificates. */
  readonly env: Environment;
}

/** Reads the configuration. `NAME_FILE` names a file with the value. Throws INVALID_CONFIG naming the variable. */
export function readConfig(env: Environment): Config {
  const text = (name: string, fallback: string) => valueOf(env, name) ?? fallback;
  const data = resolve(text('RELEARN_DATA', './data'));
  const engines = readEngines(env, data);
  const addresses = text('RELEARN_ADDRESSES', '');
  if (addresses !== '' && engines.kind === 'embedded') {
    throw invalid(
      'RELEARN_ADDRESSES',
      'RELEARN_ADDRESSES names other processes, and the embedded bus belongs to one',
      'Unset RELEARN_ADDRESSES, or set RELEARN_BUS and RELEARN_STORE to engines that processes share.',
    );
  }
  const processes = processesOf(text('RELEARN_SERVING_PROCESSES', '1'), engines);
  const folder = engines.kind === 'embedded' ? engines.folder : data;
  const keys = valueOf(env, 'RELEARN_KEYS') ?? (engines.kind === 'embedded' ? join(folder, 'keys') : undefined);
  return {
    data: folder,
    engines,
    keys: keys === undefined ? null : resolve(keys),
    leaveMs: 1_000 * seconds('RELEARN_LEAVE_SECONDS', text('RELEARN_LEAVE_SECONDS', '0')),
    addresses: readAddresses(addresses),
    http: address('RELEARN_HTTP', text('RELEARN_HTTP', '127.0.0.1:8080')),
    grpc: address('RELEARN_GRPC', text('RELEARN_GRPC', '127.0.0.1:8001')),
    grpcFront: oneOf('RELEARN_GRPC_FRONT', text('RELEARN_GRPC_FRONT', 'http2'), ['http2', 'grpc-js']),
    processes,
    url: text('RELEARN_URL', 'http://127.0.0.1:8080'),
    partitions: positive('RELEARN_PARTITIONS', text('RELEARN_PARTITIONS', '8')),
    logLevel: text('RELEARN_LOG', 'info'),
    otlpEndpoint: valueOf(env, 'OTEL_EXPORTER_OTLP_ENDPOINT'),
    failpoints: text('RELEARN_FAILPOINT', ''),
    whenLogFull: oneOf('RELEARN_PREDICTION_LOG_FULL', text('RELEARN_PREDICTION_LOG_FULL', 'reject'), [
      'reject',
      'drop-and-count',
    ]),
    inferenceEvents: urlOf('RELEARN_INFERENCE_EVENTS', valueOf(env, 'RELEARN_INFERENCE_EVENTS')),
    env,
  };
}

function processesOf(text: string, { kind }: Engines): number {
  const processes = positive(servingProcesses, text);
  if (processes === 1 || kind === 'shared') return processes;
  throw invalid(
    servingProcesses,
    `${servingProcesses}=${text}, and the embedded engines belong to one process`,
    `Unset ${servingProcesses}, or set RELEARN_BUS and RELEARN_STORE to engines that processes share.`,
  );
}

/** Whether several processes are to do what was asked for. Throws INVALID_CONFIG where they cannot. */
export function inSeveralProcesses({ processes, http, grpc }: Config, services: readonly ServiceName[]): boolean {
  if (processes === 1) return false;
  if (services.length !== 1 || services[0] !== 'serving') {
    throw invalid(
      servingProcesses,
      `${servingProcesses}=${processes}, and this process is to run ${services.join(', ')}`,
      `Unset ${servingProcesses} here; it is for \`relearn serve serving\` alone.`,
    );
  }
  const any = [['RELEARN_HTTP', http] as const, ['RELEARN_GRPC', grpc] as const].find(([, { port }]) => port === 0);
  if (any === undefined) return true;
  throw invalid(any[0], `${any[0]} takes any free port, and several processes share one`, 'Name a port.');
}

function address(name: string, text: string): Address {
  const at = text.lastIndexOf(':');
  const port = Number(text.slice(at + 1));
  if (at < 1 || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw invalid(name, `${name}=${text} is no host:port`, 'Write HOST:PORT, such as 127.0.0.1:8080.');
  }
  return { host: text.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 1024) return value;
  throw invalid(name, `${name}=${text} is no count from 1 to 1024`, 'Give a whole number, such as 8.');
}

function seconds(name: string, text: string): number {
  const value = Number(text);
  if (value >= 0 && value <= 300) return value;
  throw invalid(name, `${name}=${text} is no number of seconds from 0 to 300`, 'Give a number, such as 5.');
}

function urlOf(name: string, text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw invalid(name, `${name}=${text} is no URL of HTTP`, 'Write http://HOST:PORT/PATH or https://HOST/PATH.');
}

function oneOf<Text extends string>(name: string, text: string, choices: readonly Text[]): Text {
  const chosen = choices.find((choice) => choice === text);
  if (chosen !== undefined) return chosen;
  const list = choices.join(' or ');
  throw invalid(name, `${name}=${text} is not ${list}`, `Give ${list}.`);
}
