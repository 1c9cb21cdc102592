/** Servers of others that the platform's adapters speak to, and that tests meet for real. */
export const engineNames = ['kafka', 'nats', 'mongodb', 's3'] as const;
export type EngineName = (typeof engineNames)[number];

/**
 * What the run's setup gives to tests: `inject('engines')`. The address of each engine, in the form that the adapter's
 * setting takes (of S3 the endpoint, whose key and secret are `s3Credentials`); null where there is none. `control` is an HTTP address: `POST CONTROL/kafka/kill` (SIGKILL), `/restart`,
 * `/pause` (SIGSTOP), `/resume` answer when it is done; null where no engine is the run's own.
 */
export type Engines = Readonly<Record<EngineName | 'control', string | null>>;

declare module 'vitest' {
  export interface ProvidedContext {
    readonly engines: Engines;
  }
}

/** The variable that gives each engine's address. */
export const addressVariable: Readonly<Record<EngineName, string>> = {
  kafka: 'RELEARN_TEST_KAFKA',
  nats: 'RELEARN_TEST_NATS',
  mongodb: 'RELEARN_TEST_MONGODB',
  s3: 'RELEARN_TEST_S3',
};

/** Of the S3 servers that a run starts; one that it is given takes those of the environment. */
export const s3Credentials = {
  accessKeyId: process.env['AWS_ACCESS_KEY_ID'] ?? 'relearn',
  secretAccessKey: process.env['AWS_SECRET_ACCESS_KEY'] ?? 'relearn-secret',
};

const embedded = 'embedded';

/**
 * Reads `RELEARN_TEST_ENGINES`: a list of `embedded` and of engines, which the run then must have. Unset: undefined, and
 * the run takes what it finds. `embedded` is always there and needs nothing.
 */
export function namedEngines(setting: string | undefined): ReadonlySet<EngineName> | undefined {
  const names = (setting ?? '').split(',').flatMap((name) => name.trim() || []);
  if (names.length === 0) return undefined;
  const unknown = names.filter((name) => name !== embedded && !engineNames.some((known) => known === name));
  if (unknown.length > 0) {
    throw new Error(`RELEARN_TEST_ENGINES: ${unknown.join(', ')}? There are ${[embedded, ...engineNames].join(', ')}.`);
  }
  return new Set(engineNames.filter((name) => names.includes(name)));
}
