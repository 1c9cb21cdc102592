import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { EngineName } from './engines.js';

/** The first question of each protocol, and what an answer begins with. A port that is open need not be a server's yet. */
interface Greeting {
  /** Nothing where the server speaks first. */
  readonly question?: Buffer;
  isAnswer(bytes: Buffer): boolean;
}

const greetings: Readonly<Record<EngineName, Greeting>> = {
  // ApiVersions, version 0, correlation id 7, no client id.
  kafka: {
    question: Buffer.from('0000000a0012000000000007ffff', 'hex'),
    isAnswer: (bytes) => bytes.length >= 8 && bytes.readInt32BE(4) === 7,
  },
  nats: { isAnswer: (bytes) => bytes.toString('latin1').startsWith('INFO ') },
  // OP_MSG with request id 7: { hello: 1, $db: 'admin' }.
  mongodb: {
    question: Buffer.from(
      '340000000700000000000000dd0700000000000000' + '1f0000001068656c6c6f000100000002246462000600000061646d696e0000',
      'hex',
    ),
    isAnswer: (bytes) => bytes.length >= 12 && bytes.readInt32LE(8) === 7,
  },
  s3: {
    question: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
    isAnswer: (bytes) => bytes.toString('latin1').startsWith('HTTP/1.1 '),
  },
};

/** Whether a server of the engine answers there. */
export function answers(engine: EngineName, host: string, port: number): Promise<boolean> {
  const { question, isAnswer } = greetings[engine];
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const socket = connect({ host, port });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    // A process that is stopped accepts and says nothing.
    socket.setTimeout(2_000, () => end(false));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.on('connect', () => question !== undefined && socket.write(question));
    socket.on('data', (more) => {
      bytes = Buffer.concat([bytes, more]);
      if (isAnswer(bytes)) end(true);
    });
  });
}

/** Whether anybody listens there. */
export function listens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 5_000 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => end(true));
    socket.on('timeout', () => end(false));
    socket.on('error', () => end(false));
  });
}

/** Ports of this machine that nobody listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const holders = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(holders.map((holder) => once(holder, 'listening')));
  const ports = holders.map((holder) => {
    const address = holder.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(holders.map((holder) => once(holder.close(), 'close')));
  return ports;
}
