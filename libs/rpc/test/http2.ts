import { once } from 'node:events';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from 'node:net';
import { Http2Connection, type Http2Stream, type Responder } from '../src/grpc/http2/protocol/index.js';
import { readsOf } from '../src/grpc/http2/socket-reads.js';

export const allowance = {
  streams: 100,
  streamWindow: 1 << 20,
  connectionWindow: 4 << 20,
  frameBytes: 16_384,
  headerBytes: 65_536,
};
export const head = { fields: [{ name: ':status', value: '200' }], repeated: true };
export const trailers = { fields: [{ name: 'x-end', value: 'yes' }], repeated: true };

/** Answers a request with a greeting and its own body. */
export class Echo implements Responder {
  private readonly stream: Http2Stream;
  private readonly parts: Buffer[];
  gone = false;

  constructor(stream: Http2Stream, greeting = Buffer.alloc(0)) {
    this.stream = stream;
    this.parts = [greeting];
  }

  data(bytes: Buffer): void {
    this.parts.push(Buffer.from(bytes));
    this.stream.credit(bytes.length);
  }

  whole(): void {
    this.stream.release();
    this.stream.respond(head);
    this.stream.send(Buffer.concat(this.parts));
    this.stream.end(trailers);
  }

  full(): void {
    this.stream.respondOnly({ fields: [{ name: ':status', value: '413' }], repeated: false });
  }

  drained(): void {}

  aborted(): void {
    this.gone = true;
  }
}

export interface Plain {
  readonly port: number;
  readonly connections: Http2Connection[];
  readonly streams: Http2Stream[];
  client(options?: object): ClientHttp2Session;
  socket(): Promise<RawClient>;
  stop(): Promise<void>;
}

/** What reads the chunk has it no longer than that. */
export function pushed(reader: { push(chunk: Buffer): void }, chunk: Buffer): void {
  const lent = Buffer.from(chunk);
  reader.push(lent);
  lent.fill(0xaa);
}

/** HTTP/2 without gRPC on it. */
export async function plain(
  responderOf: (stream: Http2Stream) => Responder = (stream) => new Echo(stream),
  mostHeldBytes = 64 << 20,
): Promise<Plain> {
  const connections: Http2Connection[] = [];
  const streams: Http2Stream[] = [];
  const onRequest = (stream: Http2Stream) => {
    streams.push(stream);
    stream.responder = responderOf(stream);
  };
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (accepted) => {
    const socket = readsOf(accepted, (bytes) => connection.read(bytes));
    const connection = new Http2Connection(socket, { allowance, mostHeldBytes, onRequest });
    connections.push(connection);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clients: { destroy(): void }[] = [];
  return {
    port,
    connections,
    streams,
    client(options = {}) {
      const client = connect(`http://127.0.0.1:${port}`, options);
      client.on('error', () => undefined);
      clients.push(client);
      return client;
    },
    async socket() {
      const socket = connectSocket(port, '127.0.0.1');
      clients.push(socket);
      await once(socket, 'connect');
      return new RawClient(socket);
    },
    async stop() {
      for (const client of clients) client.destroy();
      for (const connection of connections) connection.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

export interface Answered {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
  /** Why the stream ended. */
  readonly code: number;
}

/** Asks and waits for the end, whatever it is. */
export async function ask(
  client: ClientHttp2Session,
  body: Buffer = Buffer.alloc(0),
  headers: OutgoingHttpHeaders = {},
): Promise<Answered> {
  const stream = client.request({ ':method': 'POST', ':path': '/', ...headers });
  const told = { headers: {}, trailers: {} };
  const parts: Buffer[] = [];
  stream.on('response', (fields) => (told.headers = fields));
  stream.on('trailers', (fields) => (told.trailers = fields));
  stream.on('data', (part: Buffer) => parts.push(part));
  stream.on('error', () => undefined);
  stream.end(body);
  await new Promise<void>((resolve) => stream.once('close', () => resolve()));
  return { ...told, body: Buffer.concat(parts), code: stream.rstCode };
}

export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, streamId: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(streamId, 5);
  return Buffer.concat([bytes, payload]);
}

/** POST / of http, packed without the table. */
export const postBlock = Buffer.from([0x83, 0x86, 0x84]);
export const greeting = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0)]);

/** A client that says what it is told to. */
export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  private readonly got: RawFrame[] = [];
  private rest = Buffer.alloc(0);
  private wake = (): void => undefined;
  private over = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.over = true;
        this.wake();
        resolve();
      });
    });
  }

  send(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** The next frame, or the next of the type, skipping others; undefined where the connection ends first. */
  async next(type?: number): Promise<RawFrame | undefined> {
    for (;;) {
      const at = this.got.findIndex((one) => one.type === (type ?? one.type));
      const skipped = this.got.splice(0, at < 0 ? this.got.length : at + 1);
      if (at >= 0) return skipped[at];
      if (this.over) return undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  private take(chunk: Buffer): void {
    this.rest = Buffer.concat([this.rest, chunk]);
    while (this.rest.length >= 9) {
      const size = 9 + this.rest.readUIntBE(0, 3);
      if (this.rest.length < size) break;
      const [type = 0, flags = 0] = this.rest.subarray(3, 5);
      const streamId = this.rest.readUInt32BE(5);
      this.got.push({ type, flags, streamId, payload: this.rest.subarray(9, size) });
      this.rest = this.rest.subarray(size);
    }
    this.wake();
  }
}
