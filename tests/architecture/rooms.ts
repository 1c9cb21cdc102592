/**
 * Who may import whom: the one table. `.oxlintrc.json` is generated from it (`npm run generate`), and the
 * dependencies of every package.json are held to it.
 */
export interface Room {
  readonly name: string;
  /** Globs of its files, from the root. A later room takes files from an earlier one. */
  readonly files: readonly string[];
  /** Which packages of ours it may import, subpaths spelled out. */
  readonly ours: readonly Specifier[];
  /** Of these only types. */
  readonly typesOf?: readonly Specifier[];
  readonly npm?: readonly string[];
  /** Modules of Node. */
  readonly node?: readonly string[];
  /** Folders of its own package that are closed to it. */
  readonly closed?: readonly string[];
}

export const specifiers = [
  'kernel',
  'contracts',
  'stats',
  'features',
  'trainers',
  'tabular',
  'onnx',
  'sqlite',
  'mongodb',
  'sqlite/folder-lock',
  'bus',
  'bus/memory',
  'bus/embedded',
  'bus/kafka',
  'bus/nats',
  'bus/conformance',
  'store',
  'store/memory',
  'store/embedded',
  'store/mongodb',
  'store/conformance',
  'blobs',
  'blobs/memory',
  'blobs/folder',
  'blobs/gridfs',
  'blobs/s3',
  'blobs/conformance',
  'bundles',
  'rpc',
  'rpc/in-process',
  'rpc/grpc',
  'rpc/conformance',
  'telemetry',
  'runtime',
  'runtime/workers',
  'audit',
  'ingestion',
  'validation',
  'feature',
  'training',
  'evaluation',
  'registry',
  'serving',
  'monitoring',
  'console',
  'platform',
  'platform/processes',
  'cli',
] as const;

export type Specifier = (typeof specifiers)[number];

export const nodeModules = [
  'assert',
  'async_hooks',
  'buffer',
  'child_process',
  'cluster',
  'crypto',
  'dgram',
  'diagnostics_channel',
  'dns',
  'events',
  'fs',
  'http',
  'http2',
  'https',
  'inspector',
  'module',
  'net',
  'os',
  'path',
  'perf_hooks',
  'process',
  'querystring',
  'readline',
  'repl',
  'sqlite',
  'stream',
  'string_decoder',
  'test',
  'timers',
  'tls',
  'tty',
  'url',
  'util',
  'v8',
  'vm',
  'wasi',
  'worker_threads',
  'zlib',
] as const;

/** What only a composition root or a door does: a service gets its network, processes and terminal through ports. */
const roots: readonly string[] = [
  'child_process',
  'cluster',
  'dgram',
  'dns',
  'http',
  'http2',
  'https',
  'inspector',
  'net',
  'process',
  'readline',
  'repl',
  'sqlite',
  'test',
  'timers',
  'tls',
  'tty',
  'vm',
  'wasi',
];
const quiet = nodeModules.filter((name) => !roots.includes(name));

const services = specifiers.slice(specifiers.indexOf('ingestion'), specifiers.indexOf('console'));
const conformance = ['vitest', 'fast-check'];
const ports: readonly Specifier[] = ['kernel', 'contracts', 'bus', 'store', 'blobs', 'rpc', 'telemetry', 'runtime'];

/** What a service may import beside the ports and the pure rooms. */
const servicePackages: Readonly<Record<string, readonly string[]>> = {
  ingestion: ['fastify'],
  evaluation: ['onnxruntime-node'],
  registry: ['onnxruntime-node'],
  serving: ['fastify', 'onnxruntime-node'],
};

export const rooms: readonly Room[] = [
  { name: 'kernel', files: ['libs/kernel/src/**'], ours: [], node: ['crypto'] },
  { name: 'contracts', files: ['libs/contracts/src/**'], ours: ['kernel'], npm: ['ajv', 'yaml'] },

  // Pure: what they know of the world is passed in.
  { name: 'stats', files: ['libs/stats/src/**'], ours: ['kernel'], typesOf: ['contracts'] },
  { name: 'features', files: ['libs/features/src/**'], ours: ['kernel', 'contracts'] },
  { name: 'trainers', files: ['libs/trainers/src/**'], ours: ['kernel'], typesOf: ['contracts'], npm: ['protobufjs'] },

  {
    name: 'tabular',
    files: ['libs/tabular/src/**'],
    ours: ['kernel'],
    npm: ['hyparquet', 'hyparquet-compressors'],
    node: quiet,
  },
  { name: 'onnx', files: ['libs/onnx/src/**'], ours: [], npm: ['onnxruntime-node'] },
  { name: 'sqlite', files: ['libs/sqlite/src/**'], ours: ['kernel'], npm: ['libsql'], node: quiet },
  { name: 'mongodb', files: ['libs/mongodb/src/**'], ours: ['kernel'], npm: ['mongodb'] },

  // Ports know no driver; an adapter knows its own driver and no other adapter.
  {
    name: 'bus',
    files: ['libs/bus/src/**'],
    ours: ['kernel', 'contracts'],
    closed: ['memory', 'embedded', 'kafka', 'nats', 'conformance'],
  },
  adapter('bus/memory', { closed: ['embedded', 'kafka', 'nats', 'conformance'] }),
  adapter('bus/embedded', { ours: ['sqlite'], closed: ['memory', 'kafka', 'nats', 'conformance'] }),
  adapter('bus/kafka', { npm: ['kafkajs'], closed: ['memory', 'embedded', 'nats', 'conformance'] }),
  adapter('bus/nats', {
    ours: ['store'],
    npm: ['nats'],
    node: quiet,
    closed: ['memory', 'embedded', 'kafka', 'conformance'],
  }),
  adapter('bus/conformance', { npm: conformance, closed: ['memory', 'embedded', 'kafka', 'nats'] }),
  {
    name: 'store',
    files: ['libs/store/src/**'],
    ours: ['kernel'],
    closed: ['memory', 'embedded', 'mongodb', 'conformance'],
  },
  adapter('store/memory', { closed: ['embedded', 'mongodb', 'conformance'] }),
  adapter('store/embedded', { ours: ['sqlite'], closed: ['memory', 'mongodb', 'conformance'] }),
  adapter('store/mongodb', {
    ours: ['mongodb'],
    npm: ['mongodb'],
    closed: ['memory', 'embedded', 'conformance'],
  }),
  adapter('store/conformance', { npm: conformance, closed: ['memory', 'embedded', 'mongodb'] }),
  {
    name: 'blobs',
    files: ['libs/blobs/src/**'],
    ours: ['kernel'],
    node: ['crypto'],
    closed: ['memory', 'folder', 'gridfs', 's3', 'conformance'],
  },
  adapter('blobs/memory', { closed: ['folder', 'gridfs', 's3', 'conformance'] }),
  adapter('blobs/folder', { node: quiet, closed: ['memory', 'gridfs', 's3', 'conformance'] }),
  adapter('blobs/gridfs', {
    ours: ['mongodb'],
    npm: ['mongodb'],
    closed: ['memory', 'folder', 's3', 'conformance'],
  }),
  adapter('blobs/s3', { npm: ['@aws-sdk/client-s3'], closed: ['memory', 'folder', 'gridfs', 'conformance'] }),
  adapter('blobs/conformance', { npm: conformance, closed: ['memory', 'folder', 'gridfs', 's3'] }),
  { name: 'bundles', files: ['libs/bundles/src/**'], ours: ['kernel'], typesOf: ['blobs'], node: ['buffer', 'crypto'] },

  {
    name: 'rpc',
    files: ['libs/rpc/src/**'],
    ours: ['kernel'],
    npm: ['@grpc/proto-loader', 'protobufjs'],
    node: ['fs', 'url'],
    closed: ['in-process', 'grpc', 'conformance'],
  },
  adapter('rpc/in-process', { npm: ['protobufjs'], closed: ['grpc', 'conformance'] }),
  adapter('rpc/grpc', {
    npm: ['@grpc/grpc-js', '@grpc/proto-loader', '@grpc/reflection', 'protobufjs'],
    node: [...quiet, 'net'],
    closed: ['in-process', 'conformance'],
  }),
  adapter('rpc/conformance', { npm: conformance, node: ['url'], closed: ['in-process', 'grpc'] }),

  {
    name: 'telemetry',
    files: ['libs/telemetry/src/**'],
    ours: ['kernel'],
    npm: [
      'pino',
      'prom-client',
      '@opentelemetry/api',
      '@opentelemetry/sdk-node',
      '@opentelemetry/exporter-trace-otlp-proto',
    ],
    node: ['async_hooks', 'perf_hooks'],
  },
  {
    name: 'runtime',
    files: ['libs/runtime/src/**'],
    ours: ports.filter((name) => name !== 'runtime'),
  },
  {
    name: 'runtime/workers',
    files: ['libs/runtime/src/workers/**'],
    ours: ['kernel', 'telemetry'],
    typesOf: ['blobs'],
    node: ['os', 'worker_threads'],
  },

  // Reads the log as everybody does and imports no service: deciders whose states it folds again are passed in.
  {
    name: 'audit',
    files: ['libs/audit/src/**'],
    ours: ['kernel', 'contracts', 'features', 'bus', 'store', 'blobs', 'runtime'],
  },

  ...services.flatMap(serviceRooms),

  {
    name: 'console',
    files: ['apps/console/src/**'],
    ours: [...ports, 'bundles'],
    npm: ['fastify', 'uplot'],
    node: nodeModules,
  },
  {
    name: 'platform',
    files: ['apps/platform/src/**'],
    ours: specifiers.filter((name) => name !== 'cli' && !name.startsWith('platform') && !name.endsWith('/conformance')),
    npm: ['@fastify/reply-from', 'fastify'],
    node: nodeModules,
  },
  {
    name: 'cli',
    files: ['apps/cli/src/**'],
    ours: [...ports, 'audit', 'tabular', 'platform', 'platform/processes'],
    npm: ['commander'],
    node: nodeModules,
  },
];

function adapter(
  name: Specifier,
  room: Omit<Room, 'name' | 'files' | 'ours'> & { readonly ours?: readonly Specifier[] },
): Room {
  const [port, folder] = name.split('/');
  const contracts: readonly Specifier[] = port === 'bus' ? ['contracts'] : [];
  return {
    ...room,
    name,
    files: [`libs/${port}/src/${folder}/**`],
    ours: ['kernel', ...contracts, ...(room.ours ?? [])],
  };
}

/** A service imports no other service, no adapter and no driver; its domain is pure. */
function serviceRooms(service: Specifier): Room[] {
  const pure: readonly Specifier[] = ['stats', 'features', 'trainers', 'bundles'];
  const packages = servicePackages[service] ?? [];
  const onnx: readonly Specifier[] = packages.includes('onnxruntime-node') ? ['onnx'] : [];
  return [
    {
      name: service,
      files: [`services/${service}/src/**`],
      ours: [...ports, ...pure, 'tabular', 'runtime/workers', ...onnx],
      npm: packages,
      node: quiet,
    },
    {
      name: `${service}/domain`,
      files: [`services/${service}/src/domain/**`],
      ours: ['kernel', 'contracts', 'runtime', ...pure],
      typesOf: ['bus', 'store', 'blobs', 'rpc', 'tabular'],
      node: ['crypto'],
      closed: ['handlers', 'rpc', 'jobs', 'service', 'config'],
    },
  ];
}
