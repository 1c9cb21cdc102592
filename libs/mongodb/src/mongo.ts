import { type Clock, RelearnError } from '@relearn/kernel';
import { type Db, MongoClient, type TopologyDescription } from 'mongodb';
import { mongoError } from './errors.js';
import type { MongoOptions } from './options.js';

/** One client for what a process keeps in MongoDB: documents and, if so chosen, blobs. */
export interface Mongo {
  /**
   * Runs an operation; UNAVAILABLE soon when no server can be reached, or when it has no end within the time. The next
   * operation tries again.
   */
  run<T>(place: string, work: (database: Db) => Promise<T>, withinMs?: number): Promise<T>;
  /** Why no server takes writes now; null while one does. Never waits. */
  health(): RelearnError | null;
  close(): Promise<void>;
}

/** More than the driver's own times for choosing a server, connecting, writing and hearing the answer, with its retry. */
const answerWithinMs = 60_000;
/** A check of a server lasts as long as it takes to connect and to answer at most (`connectTimeoutMS` each). */
const checkWithinMs = 20_000;

/** Needs no server to be there yet. Throws INVALID_CONFIG for options that the driver refuses. */
export function openMongo(options: MongoOptions, clock: Clock): Mongo {
  try {
    return new Connection(options, clock);
  } catch (thrown) {
    throw mongoError(thrown, 'RELEARN_STORE');
  }
}

/** The driver finds its servers again by itself once it was connected; before that each attempt is a new one. */
interface Driver {
  readonly client: MongoClient;
  readonly database: Db;
  /** Servers that are being checked, with the time at which that began. */
  readonly checks: Map<string, number>;
  connecting: Promise<unknown> | undefined;
}

class Connection implements Mongo {
  private readonly options: MongoOptions;
  private readonly clock: Clock;
  private driver: Driver;
  private trouble: RelearnError | null = new RelearnError('UNAVAILABLE', 'MongoDB: not connected yet');
  private closed = false;

  constructor(options: MongoOptions, clock: Clock) {
    this.options = options;
    this.clock = clock;
    this.driver = this.open();
  }

  async run<T>(place: string, work: (database: Db) => Promise<T>, withinMs = answerWithinMs): Promise<T> {
    if (this.closed) throw new RelearnError('UNAVAILABLE', `${place}: MongoDB is closed`);
    const { driver } = this;
    try {
      await connected(driver);
      const answer = await this.within(withinMs, place, driver, work(driver.database));
      this.trouble = null;
      return answer;
    } catch (thrown) {
      const error = mongoError(thrown, place);
      // The driver does not think every server away that it cannot reach.
      if (error.code === 'UNAVAILABLE') this.failed(driver, error);
      throw error;
    }
  }

  health(): RelearnError | null {
    return this.trouble;
  }

  async close(): Promise<void> {
    this.closed = true;
    const { client, connecting } = this.driver;
    await connecting?.catch(() => undefined);
    await client.close();
  }

  private open(): Driver {
    const { url, database, client: options } = this.options;
    const client = new MongoClient(url, options);
    const checks = new Map<string, number>();
    const ended = ({ connectionId }: { readonly connectionId: string }) => void checks.delete(connectionId);
    client.on('topologyDescriptionChanged', ({ newDescription }) => {
      if (this.driver.client === client) this.observe(newDescription);
    });
    client.on('serverHeartbeatStarted', ({ connectionId }) => checks.set(connectionId, this.clock.now()));
    client.on('serverHeartbeatSucceeded', ended);
    client.on('serverHeartbeatFailed', ended);
    client.on('serverClosed', ({ address }) => checks.delete(address));
    return { client, database: client.db(database), checks, connecting: undefined };
  }

  /** What the driver does not end itself ends here, and the driver with it. */
  private async within<T>(ms: number, place: string, driver: Driver, work: Promise<T>): Promise<T> {
    let expire: (error: RelearnError) => void = () => undefined;
    const expired = new Promise<never>((_, reject) => {
      expire = reject;
    });
    const timer = this.clock.after(ms, () => {
      this.replace(driver);
      expire(new RelearnError('UNAVAILABLE', `${place}: MongoDB has not answered within ${ms} ms`));
    });
    try {
      return await Promise.race([work, expired]);
    } finally {
      timer.cancel();
    }
  }

  private failed(driver: Driver, error: RelearnError): void {
    this.trouble = error;
    const longAgo = this.clock.now() - checkWithinMs;
    if ([...driver.checks.values()].some((began) => began < longAgo)) this.replace(driver);
  }

  /**
   * Goes on with a driver of its own. Who writes to a socket in the moment between its end and the driver's hearing of it
   * waits for room in it for ever: an operation that does so has no end, and a check that does so is the last of its server,
   * which is away from then on.
   */
  private replace(driver: Driver): void {
    if (this.closed || this.driver !== driver) return;
    this.driver = this.open();
    // What has failed with it has been told.
    driver.client.close().catch(() => undefined);
  }

  private observe(description: TopologyDescription): void {
    const servers = [...description.servers.values()];
    const reason = servers.find(({ error }) => error !== null)?.error?.message ?? 'no server takes writes';
    this.trouble = servers.some(({ isWritable }) => isWritable)
      ? null
      : new RelearnError('UNAVAILABLE', `MongoDB: ${reason}`);
  }
}

function connected(driver: Driver): Promise<unknown> {
  driver.connecting ??= driver.client.connect().catch((thrown: unknown) => {
    driver.connecting = undefined;
    throw thrown;
  });
  return driver.connecting;
}
