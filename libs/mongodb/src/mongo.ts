import { RelearnError } from '@relearn/kernel';
import { type Db, MongoClient, type TopologyDescription } from 'mongodb';
import { mongoError } from './errors.js';
import type { MongoOptions } from './options.js';

/** One client for what a process keeps in MongoDB: documents and, if so chosen, blobs. */
export interface Mongo {
  /** Runs an operation; UNAVAILABLE soon when no server can be reached. The next operation tries again. */
  run<T>(place: string, work: (database: Db) => Promise<T>): Promise<T>;
  /** Why no server takes writes now; null while one does. Never waits. */
  health(): RelearnError | null;
  close(): Promise<void>;
}

/** Needs no server to be there yet. Throws INVALID_CONFIG for options that the driver refuses. */
export function openMongo(options: MongoOptions): Mongo {
  try {
    return new Connection(options);
  } catch (thrown) {
    throw mongoError(thrown, 'RELEARN_STORE');
  }
}

class Connection implements Mongo {
  private readonly client: MongoClient;
  private readonly database: Db;
  private connecting: Promise<void> | undefined;
  private trouble: RelearnError | null = new RelearnError('UNAVAILABLE', 'MongoDB: not connected yet');
  private closed = false;

  constructor({ url, database, client }: MongoOptions) {
    this.client = new MongoClient(url, client);
    this.database = this.client.db(database);
    this.client.on('topologyDescriptionChanged', ({ newDescription }) => this.observe(newDescription));
  }

  async run<T>(place: string, work: (database: Db) => Promise<T>): Promise<T> {
    if (this.closed) throw new RelearnError('UNAVAILABLE', `${place}: MongoDB is closed`);
    try {
      await this.connected();
      const answer = await work(this.database);
      this.trouble = null;
      return answer;
    } catch (thrown) {
      const error = mongoError(thrown, place);
      // The driver does not think every server away that it cannot reach.
      if (error.code === 'UNAVAILABLE') this.trouble = error;
      throw error;
    }
  }

  health(): RelearnError | null {
    return this.trouble;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.connecting?.catch(() => undefined);
    await this.client.close();
  }

  /** The driver finds its servers again by itself once it was connected; before that each attempt is a new one. */
  private connected(): Promise<void> {
    this.connecting ??= this.client.connect().then(
      () => undefined,
      (thrown: unknown) => {
        this.connecting = undefined;
        throw thrown;
      },
    );
    return this.connecting;
  }

  private observe(description: TopologyDescription): void {
    const servers = [...description.servers.values()];
    const reason = servers.find(({ error }) => error !== null)?.error?.message ?? 'no server takes writes';
    this.trouble = servers.some(({ isWritable }) => isWritable)
      ? null
      : new RelearnError('UNAVAILABLE', `MongoDB: ${reason}`);
  }
}
