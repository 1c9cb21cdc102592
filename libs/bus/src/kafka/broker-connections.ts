import ConnectionPool from 'kafkajs/src/network/connectionPool.js';

type Connection = ConnectionPool['pool'][number];

/**
 * The connections to one broker. Requests that find one closed wait for the same socket: kafkajs would open one for each,
 * use the last and forget the others, which then keep the process alive.
 */
export class BrokerConnections extends ConnectionPool {
  private readonly opening = new Map<number, Promise<Connection>>();

  override getConnection(index = 0): Promise<Connection> {
    const opening =
      this.opening.get(index) ?? super.getConnection(index).finally(() => void this.opening.delete(index));
    this.opening.set(index, opening);
    return opening;
  }
}
