import { type Kernel, RelearnError } from '@relearn/kernel';
import Broker from 'kafkajs/src/broker/index.js';
import socketFactory from 'kafkajs/src/network/socketFactory.js';
import { onAbort } from '../core/aborts.js';
import { BrokerConnections } from './broker-connections.js';
import { connectionFailed, kafkaError, protocolType } from './errors.js';
import type { KafkaConnection } from './options.js';
import type { Trouble } from '../core/trouble.js';

/** A purpose that has connections of its own, since a broker answers one connection's requests one after another. */
export type Lane = string;

export type NodeId = number;

interface Address {
  readonly host: string;
  readonly port: number;
}

interface Link {
  readonly broker: Broker;
  readonly pool: BrokerConnections;
  /** Ends too when the link is given up, which kafkajs does not tell whoever is still connecting. */
  readonly connected: Promise<void>;
  readonly giveUp: (error: RelearnError) => void;
}

const connectMs = 3_000;
const requestMs = 10_000;
const firstProbeMs = 100;
const longestProbeMs = 2_000;

const silent = {
  namespace: () => silent,
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
};

/**
 * The brokers of a cluster and our connections to them. Every request has a deadline. A connection that fails is thrown away
 * with whatever waits on it, and one probe asks until some broker answers: where none does, requests fail at once meanwhile.
 */
export class Wire {
  private readonly kernel: Kernel;
  private readonly trouble: Trouble;
  private readonly seeds: readonly Address[];
  private readonly connection: KafkaConnection;
  private readonly nodes = new Map<NodeId, Address>();
  private readonly links = new Map<string, Link>();
  private readonly stopping = new AbortController();
  /** Why nobody can be asked; undefined while somebody can. */
  private away: RelearnError | undefined;
  private probing: Promise<void> | undefined;

  constructor(connection: KafkaConnection, kernel: Kernel, trouble: Trouble) {
    this.kernel = kernel;
    this.trouble = trouble;
    this.seeds = connection.brokers.map(parseAddress);
    this.connection = connection;
  }

  /** Asks a node. Errors: UNAVAILABLE for whatever a later attempt may mend, others as `kafkaError` maps them. */
  async ask<T>(lane: Lane, node: NodeId, what: string, work: (broker: Broker) => Promise<T>, waitMs = 0): Promise<T> {
    const address = this.nodes.get(node);
    if (address === undefined) throw new RelearnError('UNAVAILABLE', `Kafka: ${what}: node ${node} is not known`);
    this.checkHere();
    return this.askAt(lane, address, what, work, waitMs);
  }

  /** Asks whoever answers. */
  async askAny<T>(what: string, work: (broker: Broker) => Promise<T>): Promise<T> {
    this.checkHere();
    return this.askFirst(what, work);
  }

  learn(node: NodeId, { host, port }: Address): void {
    const known = this.nodes.get(node);
    if (known?.host !== host || known.port !== port) this.nodes.set(node, { host, port });
  }

  /** Resolves when somebody can be asked: at once, unless a connection has failed and nobody has answered since. */
  async here(signal: AbortSignal): Promise<void> {
    const { probing } = this;
    if (probing === undefined || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const forget = onAbort(signal, resolve);
      void probing.then(() => {
        forget();
        resolve();
      });
    });
  }

  /** Closes a lane's connections once nobody needs them. */
  async hangUp(lane: Lane): Promise<void> {
    for (const key of [...this.links.keys()]) if (key.startsWith(`${lane} `)) await this.drop(key);
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await Promise.all([...this.links.keys()].map((key) => this.drop(key)));
    await this.probing;
  }

  private checkHere(): void {
    if (this.stopping.signal.aborted) throw new RelearnError('UNAVAILABLE', 'the bus is closed');
    if (this.away !== undefined) throw this.away;
  }

  private async askFirst<T>(what: string, work: (broker: Broker) => Promise<T>): Promise<T> {
    const known = [...this.nodes.values()];
    const others = this.seeds.filter(
      (seed) => !known.some(({ host, port }) => host === seed.host && port === seed.port),
    );
    let last: unknown;
    for (const address of [...known, ...others]) {
      try {
        return await this.askAt('control', address, what, work, 0);
      } catch (thrown) {
        if (!connectionFailed(thrown)) throw thrown;
        last = thrown;
      }
    }
    throw last;
  }

  private async askAt<T>(
    lane: Lane,
    address: Address,
    what: string,
    work: (broker: Broker) => Promise<T>,
    waitMs: number,
  ): Promise<T> {
    const key = `${lane} ${address.host}:${address.port}`;
    try {
      return await this.within(waitMs + requestMs, async () => {
        const { broker, connected } = this.link(key, address);
        await connected;
        return work(broker);
      });
    } catch (thrown) {
      const error = kafkaError(thrown, what);
      if (connectionFailed(thrown)) {
        await this.drop(key);
        this.lost(error);
      } else if (protocolType(thrown) === '') {
        // A refused login or an answer that cannot be read: the connection is of no use any more.
        await this.drop(key);
      }
      throw error;
    }
  }

  private link(key: string, address: Address): Link {
    const known = this.links.get(key);
    if (known !== undefined) return known;
    const { clientId, ssl, sasl } = this.connection;
    const pool = new BrokerConnections({
      ...address,
      clientId,
      ssl,
      sasl,
      connectionTimeout: connectMs,
      requestTimeout: requestMs,
      // Deadlines are ours: kafkajs looks at a connection's requests ten times a second.
      enforceRequestTimeout: false,
      logger: silent,
      socketFactory: socketFactory(),
    });
    const settings = { nodeId: null, allowAutoTopicCreation: false, authenticationTimeout: requestMs };
    const broker = new Broker({ ...settings, connectionPool: pool, logger: silent });
    let giveUp: (error: RelearnError) => void = () => undefined;
    const givenUp = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    const made = { broker, pool, connected: Promise.race([broker.connect(), givenUp]), giveUp };
    this.links.set(key, made);
    return made;
  }

  private async drop(key: string): Promise<void> {
    const link = this.links.get(key);
    if (link === undefined) return;
    this.links.delete(key);
    const error = new RelearnError('UNAVAILABLE', 'Kafka: the connection was given up');
    link.giveUp(error);
    for (const connection of link.pool.pool) {
      connection.rejectRequests(error);
      connection.socket?.destroy();
    }
    await link.broker.disconnect();
  }

  private async within<T>(ms: number, work: () => Promise<T>): Promise<T> {
    let expire: (error: RelearnError) => void = () => undefined;
    const expired = new Promise<never>((_, reject) => {
      expire = reject;
    });
    const timer = this.kernel.clock.after(ms, () =>
      expire(new RelearnError('UNAVAILABLE', `no answer within ${ms} ms`)),
    );
    try {
      return await Promise.race([work(), expired]);
    } finally {
      timer.cancel();
    }
  }

  /** A connection has failed: perhaps only that one, perhaps its broker, perhaps all. */
  private lost(error: RelearnError): void {
    if (this.probing !== undefined || this.stopping.signal.aborted) return;
    this.probing = this.probe(error).finally(() => {
      this.probing = undefined;
    });
  }

  /** Asks until a broker answers. When nobody answers at once they are away. */
  private async probe(failure: RelearnError): Promise<void> {
    const { clock, chance } = this.kernel;
    const { signal } = this.stopping;
    let error = failure;
    for (let pauseMs = firstProbeMs; !signal.aborted; pauseMs = Math.min(longestProbeMs, pauseMs * 2)) {
      try {
        await this.askFirst('ask for its versions', (broker) => broker.apiVersions());
        break;
      } catch (thrown) {
        error = kafkaError(thrown, 'ask for its versions');
      }
      this.away = error;
      this.trouble.report('connection', error);
      await clock.sleep(pauseMs * (0.5 + chance.next() / 2), signal);
    }
    this.away = undefined;
    this.trouble.clear('connection');
  }
}

/** `host:port`, also with an IPv6 address in brackets. */
function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}
