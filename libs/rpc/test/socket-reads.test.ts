import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { readsOf } from '../src/grpc/http2/socket-reads.js';

let server: Server | undefined;
const text = (characters: string) => Buffer.from(characters);

afterEach(() => server?.close());

interface Taken {
  readonly bytes: string;
  readonly room: ArrayBufferLike;
}

/** What is taken of all connections; `each` is called with a connection once it is there. */
async function listen(taken: Taken[], each: (socket: Socket) => void = () => undefined) {
  const opened = createServer({ noDelay: true, pauseOnConnect: true }, (accepted) => {
    each(readsOf(accepted, (bytes) => taken.push({ bytes: String(bytes), room: bytes.buffer })));
  });
  server = opened.listen(0, '127.0.0.1');
  await once(opened, 'listening');
  const { port } = opened.address() as AddressInfo;
  return async () => {
    const client = connect(port, '127.0.0.1');
    await once(client, 'connect');
    return client;
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}

describe('a connection', () => {
  it('is read into the room that all have, on this version of node', async () => {
    const taken: Taken[] = [];
    const client = await listen(taken);
    for (const said of ['one', 'two', 'three']) {
      const socket = await client();
      socket.write(said);
      await until(() => taken.at(-1)?.bytes === said);
      socket.destroy();
    }
    expect(new Set(taken.map(({ room }) => room)).size).toBe(1);
    expect(taken[0]?.room.byteLength).toBe(1 << 18);
  });

  it('is read as node does it where there is no handle to be had', async () => {
    const heard: string[] = [];
    const accepted = new Socket();
    expect(readsOf(accepted, (bytes) => heard.push(String(bytes)))).toBe(accepted);
    accepted.push('one');
    await until(() => heard.length === 1);
    expect(heard).toEqual(['one']);
  });

  it('waits while it is paused, and goes on', async () => {
    const taken: Taken[] = [];
    const sockets: Socket[] = [];
    const client = await listen(taken, (socket) => sockets.push(socket));
    const asking = await client();
    asking.write('a');
    await until(() => taken.length === 1);
    sockets[0]?.pause();
    asking.write('b');
    await sleep(50);
    expect(taken).toHaveLength(1);
    sockets[0]?.resume();
    await until(() => taken.length === 2);
    sockets[0]?.end(text('bye'));
    const [last] = await once(asking, 'data');
    expect(String(last)).toBe('bye');
  });

  it('ends with its client, and the server counts it no more', async () => {
    const client = await listen([], (socket) => socket.on('error', () => undefined));
    const clients = [await client(), await client()];
    clients[0]?.end();
    clients[1]?.resetAndDestroy();
    const connections = () =>
      new Promise<number>((resolve) => server?.getConnections((_none, count) => resolve(count)));
    while ((await connections()) > 0) await sleep(1);
    const closed = new Promise((resolve) => server?.close(resolve));
    expect(await closed).toBe(undefined);
  });
});
