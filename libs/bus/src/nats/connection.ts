import { type ConnectionOptions, connect, credsAuthenticator, Events, type JetStreamManager, NatsError } from 'nats';
import type { NatsConnection } from 'nats';
import { type Kernel, RelearnError } from '@relearn/kernel';
import type { Trouble } from '../core/trouble.js';
import { maxMessageBytes } from './codec.js';
import { isAuthError, natsError, rights, unavailable } from './errors.js';
import type { NatsOptions } from './options.js';

const requestMs = 10_000;
const firstDelayMs = 50;
const longestDelayMs = 2_000;
const probeMs = 2_000;
const flushMs = 1_000;
/** A server that is stopped without its connections being closed is noticed after two of these. */
const pingMs = 10_000;
/** Batches that are written as a whole (2.12) or read directly (2.11). */
const oldestServer = [2, 12] as const;

/** The connection to the servers. It is made again for ever; while it is away everything asked of it is UNAVAILABLE. */
export class Connection {
  readonly nc: NatsConnection;
  readonly kernel: Kernel;
  readonly trouble: Trouble;
  private jsm: JetStreamManager | undefined;
  private readonly onLost = new Set<() => void>();
  private readonly onBack = new Set<() => void>();
  private connected = true;
  private closed = false;
  private probing = false;

  private constructor(nc: NatsConnection, kernel: Kernel, trouble: Trouble) {
    this.nc = nc;
    this.kernel = kernel;
    this.trouble = trouble;
  }

  /** Throws UNAVAILABLE where no server answers, and INVALID_CONFIG where one refuses us or is not fit. */
  static async open(options: NatsOptions, kernel: Kernel, trouble: Trouble): Promise<Connection> {
    const pacing = new Pacing(kernel);
    let nc: NatsConnection;
    try {
      nc = await connect(connectionOptions(options, pacing));
    } catch (thrown) {
      throw startError(options, thrown);
    }
    const connection = new Connection(nc, kernel, trouble);
    try {
      connection.checkServer();
    } catch (thrown) {
      await connection.close();
      throw thrown;
    }
    void connection.watch(pacing);
    return connection;
  }

  get isConnected(): boolean {
    return this.connected && !this.closed;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Calls back when the connection is lost or closed, until the returned function is called. */
  whenLost(callback: () => void): () => void {
    this.onLost.add(callback);
    return () => this.onLost.delete(callback);
  }

  /** Resolves when there is a connection, or when everything is closed. */
  available(): Promise<void> {
    return new Promise((resolve) => {
      if (this.connected || this.closed) return resolve();
      const finish = () => {
        this.onBack.delete(finish);
        resolve();
      };
      this.onBack.add(finish);
    });
  }

  checkConnected(): void {
    if (this.closed) throw unavailable('the bus is closed');
    if (!this.connected) throw unavailable('NATS is away');
  }

  /** Asks JetStream's API. UNAVAILABLE when the connection is lost meanwhile. */
  ask<T>(what: string, question: (jsm: JetStreamManager) => Promise<T>): Promise<T> {
    return this.whileConnected(what, async () => {
      this.jsm ??= await this.nc.jetstreamManager({ checkAPI: false, timeout: requestMs });
      return question(this.jsm);
    });
  }

  async whileConnected<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.checkConnected();
    let forget: () => void = () => undefined;
    const lost = new Promise<never>((_, reject) => {
      forget = this.whenLost(() => reject(unavailable(`${what}: NATS went away`)));
    });
    try {
      const answer = await Promise.race([work(), lost]);
      this.trouble.clear('JetStream');
      return answer;
    } catch (thrown) {
      const error = natsError(what, thrown);
      if (error.code === 'UNAVAILABLE' || error.code === 'STORAGE_FAILED') this.failing(error);
      throw error;
    } finally {
      forget();
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.trouble.stop();
    this.tell(this.onLost);
    this.tell(this.onBack);
    if (this.connected) await this.flush();
    await this.nc.close();
  }

  /** What was said before the end is heard, unless the server is stopped. */
  private async flush(): Promise<void> {
    const flushed = new AbortController();
    const done = () => flushed.abort();
    void this.nc.flush().then(done, done);
    await this.kernel.clock.sleep(flushMs, flushed.signal);
  }

  private checkServer(): void {
    const info = this.nc.info;
    const [major = 0, minor = 0] = (info?.version ?? '0.0').split('.').map(Number);
    if (major < oldestServer[0] || (major === oldestServer[0] && minor < oldestServer[1])) {
      throw new RelearnError('INVALID_CONFIG', `nats-server ${info?.version} is older than ${oldestServer.join('.')}`);
    }
    if ((info?.max_payload ?? 0) < maxMessageBytes) {
      throw new RelearnError('INVALID_CONFIG', `the server's max_payload of ${info?.max_payload} bytes is too small`, {
        remedy: `Set max_payload to ${maxMessageBytes} or more: the default of 1 MiB will do.`,
      });
    }
  }

  private async watch(pacing: Pacing): Promise<void> {
    for await (const { type, data, permissionContext: right } of this.nc.status()) {
      if (type === Events.Disconnect) this.lost();
      else if (type === Events.Reconnect) this.back(pacing);
      else if (type === 'reconnecting') pacing.attempt();
      else if (type !== Events.Error) continue;
      else if (right !== undefined) this.trouble.report('rights', missingRight(right.operation, right.subject));
      else if (!this.connected) this.trouble.report('connection', refused(JSON.stringify(data)));
    }
    // The client has given up, which it is told never to do.
    if (!this.closed) this.lost();
  }

  private lost(): void {
    if (!this.connected) return;
    this.connected = false;
    this.trouble.report('connection', unavailable('the connection to NATS is lost'));
    this.tell(this.onLost);
  }

  private back(pacing: Pacing): void {
    pacing.connected();
    this.connected = true;
    for (const part of ['connection', 'JetStream', 'rights']) this.trouble.clear(part);
    this.tell(this.onBack);
  }

  /** Connected, but JetStream does not do what it should: asked again until it answers, also if nobody else asks. */
  private failing(error: RelearnError): void {
    if (!this.isConnected) return;
    this.trouble.report('JetStream', error);
    if (this.probing) return;
    this.probing = true;
    this.kernel.clock.after(probeMs, () => {
      this.probing = false;
      if (this.isConnected) void this.ask('JetStream', (jsm) => jsm.getAccountInfo()).catch(() => undefined);
    });
  }

  private tell(callbacks: ReadonlySet<() => void>): void {
    for (const callback of [...callbacks]) callback();
  }
}

/** Exponential back-off with jitter, from attempt to attempt. */
class Pacing {
  private readonly kernel: Kernel;
  private attempts = 0;
  delay = firstDelayMs;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  attempt(): void {
    const most = Math.min(longestDelayMs, firstDelayMs * 2 ** this.attempts++);
    this.delay = most * (0.5 + this.kernel.chance.next() / 2);
  }

  connected(): void {
    this.attempts = 0;
    this.delay = firstDelayMs;
  }
}

function connectionOptions({ servers, credentials, tls }: NatsOptions, pacing: Pacing): ConnectionOptions {
  return {
    servers: [...servers],
    name: 'relearn',
    timeout: 5_000,
    pingInterval: pingMs,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => pacing.delay,
    // Credentials that are being changed refuse us for a while: go on asking.
    ignoreAuthErrorAbort: true,
    ...(credentials?.kind === 'user' && { user: credentials.user, pass: credentials.password }),
    ...(credentials?.kind === 'token' && { token: credentials.token }),
    ...(credentials?.kind === 'creds' && {
      // The client finds the last line only if it ends.
      authenticator: credsAuthenticator(new TextEncoder().encode(`${credentials.creds}\n`)),
    }),
    ...(tls !== null && {
      tls: { ...(tls.ca && { ca: tls.ca }), ...(tls.cert && { cert: tls.cert }), ...(tls.key && { key: tls.key }) },
    }),
  };
}

function refused(reason: string): RelearnError {
  return unavailable(`NATS refuses us: ${reason}`);
}

/** The server only drops what we may not say: no answer would tell. */
function missingRight(operation: string, subject: string): RelearnError {
  return new RelearnError('INVALID_CONFIG', `NATS allows us no ${operation} to ${subject}`, { remedy: rights });
}

/** At the start wrong credentials and certificates are a mistake to tell, and an absent server is one to wait for. */
function startError({ servers }: NatsOptions, thrown: unknown): RelearnError {
  if (thrown instanceof RelearnError) return thrown;
  const where = `NATS at ${servers.join(', ')}`;
  const tls = thrown instanceof Error && /certificate|self.signed|tls|ssl/i.test(thrown.message);
  const refused = thrown instanceof NatsError && isAuthError(thrown);
  if (tls || refused) {
    return new RelearnError('INVALID_CONFIG', `${where} refuses us: ${RelearnError.from(thrown).message}`, {
      cause: thrown,
      remedy: 'Check RELEARN_NATS_USER, _PASSWORD, _TOKEN, _CREDS, _CA, _CERT and _KEY.',
    });
  }
  return new RelearnError('UNAVAILABLE', `${where}: ${RelearnError.from(thrown).message}`, { cause: thrown });
}
