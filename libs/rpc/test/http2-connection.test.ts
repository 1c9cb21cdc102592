import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FrameReader } from '../src/grpc/http2/protocol/frame-reader.js';
import { ask, Echo, frame, greeting, type Plain, plain, postBlock, pushed } from './http2.js';

const types = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8, continuation: 9 };
const endStream = 1;
const endHeaders = 4;
const padded = 8;
const text = (characters: string) => Buffer.from(characters);
let server: Plain;

interface Heard {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

beforeEach(async () => {
  server = await plain();
});
afterEach(() => server.stop());

describe('frames', () => {
  it('are the same however the bytes are cut', () => {
    const frames = fc.array(
      fc.record({
        type: fc.oneof(fc.constant(types.data), fc.nat(255)),
        flags: fc.nat(255),
        streamId: fc.nat(2 ** 31 - 1),
        payload: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (sent, cuts) => {
        const bytes = Buffer.concat([
          greeting.subarray(0, 24),
          ...sent.map(({ type, flags, streamId, payload }) => frame(type, flags, streamId, payload)),
        ]);
        const heard: Heard[] = [];
        const reader = new FrameReader(100, (one) => heard.push({ ...one, payload: Buffer.from(one.payload) }));
        for (let at = 0, cut = 0; at < bytes.length; cut++) {
          const size = cuts[cut % cuts.length] ?? 1;
          pushed(reader, bytes.subarray(at, at + size));
          at += size;
        }
        expect(told(heard)).toEqual(told(sent));
      }),
    );
  });

  it('of DATA are handed on as they come, the end with the last part', () => {
    const heard: Heard[] = [];
    const reader = new FrameReader(100, (one) => heard.push({ ...one, payload: Buffer.from(one.payload) }));
    const bytes = Buffer.concat([greeting.subarray(0, 24), frame(types.data, endStream, 3, text('abcdef'))]);
    for (const [from, to] of [
      [0, 30],
      [30, 34],
      [34, 36],
      [36, 39],
    ])
      reader.push(bytes.subarray(from, to));
    expect(heard.map(({ flags, streamId, payload }) => [flags, streamId, String(payload)])).toEqual([
      [0, 3, 'a'],
      [0, 3, 'bc'],
      [endStream, 3, 'def'],
    ]);
  });

  it('that are too large, and other protocols, are faults', () => {
    const reader = () => new FrameReader(100, () => undefined);
    expect(() => reader().push(Buffer.from('GET / HTTP/1.1\r\n'))).toThrow(expect.objectContaining({ code: 1 }));
    const large = Buffer.concat([greeting.subarray(0, 24), frame(0, 0, 1, Buffer.alloc(101))]);
    expect(() => reader().push(large.subarray(0, 33))).toThrow(expect.objectContaining({ code: 6 }));
  });
});

describe('a client of node:http2', () => {
  it('gets every body back, whatever its size, many at a time', async () => {
    const client = server.client();
    const bodies = [0, 1, 16_383, 16_384, 16_385, 70_000, 1 << 20, 3_000_001].map((size) => randomBytes(size));
    const answers = await Promise.all([...bodies, ...bodies].map((body) => ask(client, body)));
    for (const [at, { headers, body, trailers, code }] of answers.entries()) {
      expect([headers[':status'], trailers['x-end'], code]).toEqual([200, 'yes', 0]);
      expect(body.equals(bodies[at % bodies.length] ?? Buffer.alloc(0))).toBe(true);
    }
  });

  it('gets them through windows of any size, and when they change', async () => {
    const client = server.client({ settings: { initialWindowSize: 100 } });
    const body = randomBytes(200_000);
    const answers = Promise.all(Array.from({ length: 20 }, () => ask(client, body)));
    for (const initialWindowSize of [0, 5_000, 1, 100_000]) client.settings({ initialWindowSize });
    for (const answer of await answers) expect(answer.body.equals(body)).toBe(true);
  });

  it('has its settings acknowledged before what they allow', async () => {
    const window = (bytes: number) => frame(types.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, bytes]));
    const raw = await server.socket();
    raw.send(greeting, window(0), frame(types.headers, endHeaders, 1, postBlock));
    raw.send(frame(types.data, endStream, 1, text('ab')));
    await raw.next(types.headers);
    raw.send(window(1));
    expect([await raw.next(), await raw.next()]).toMatchObject([
      { type: types.settings, flags: 1 },
      { type: types.data, payload: text('a') },
    ]);
  });

  it('sends fields by its own packing, which are understood: names, values, and the table between requests', async () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/).map((text) => `x-${text}`);
    const value = fc.oneof(
      fc.stringMatching(/^[!-~]([ -~]{0,60}[!-~])?$/),
      fc.stringMatching(/^[!-~]{200,400}$/),
      fc.constantFrom('application/grpc', 'trailers', '1', '0'),
    );
    const lists = fc.array(fc.dictionary(name, value, { maxKeys: 12 }), { minLength: 1, maxLength: 8 });
    const client = server.client();
    await fc.assert(
      fc.asyncProperty(lists, async (requests) => {
        const from = server.streams.length;
        for (const fields of requests) expect((await ask(client, undefined, fields)).code).toBe(0);
        const heard = server.streams.slice(from).map(({ request }) => Object.fromEntries(request.fields));
        expect(heard).toEqual(requests.map((fields) => ({ ...fields })));
      }),
      { numRuns: 60 },
    );
  });

  it('is understood whatever bytes its values are made of, short or long', async () => {
    const client = server.client();
    const inner = Array.from({ length: 256 }, (_, code) => code).filter((code) => code >= 0x20 && code !== 0x7f);
    // Beside enough of what is short by Huffman's code even a rare byte is coded so.
    const values = inner.map((code) => `${'a'.repeat(60)}${String.fromCharCode(code)}o`);
    const long = [inner.map((code) => String.fromCharCode(code)).join(''), '~'.repeat(15_000), 'e'.repeat(30_000)];
    for (const value of [...values, ...long.map((text) => `x${text}x`)]) {
      expect((await ask(client, undefined, { 'x-value': value })).code).toBe(0);
      expect(server.streams.at(-1)?.request.fields.get('x-value') === value).toBe(true);
    }
  });

  it('reads our fields whether or not it lends a table', async () => {
    for (const headerTableSize of [0, 4_096, 65_536]) {
      const client = server.client({ settings: { headerTableSize } });
      for (let round = 0; round < 3; round++) {
        expect(await ask(client, text('x'))).toMatchObject({ headers: { ':status': 200 }, code: 0 });
      }
      client.settings({ headerTableSize: 0 });
      expect(await ask(client)).toMatchObject({ trailers: { 'x-end': 'yes' }, code: 0 });
    }
  });

  it('may ask for more than is allowed on one connection: a stream more is refused, and may be asked again', async () => {
    const waiting: (() => void)[] = [];
    const slow = await plain((stream) => {
      const echo = new Echo(stream);
      return Object.assign(Object.create(echo), { whole: () => waiting.push(() => echo.whole()) });
    });
    const raw = await slow.socket();
    const post = (id: number) => frame(types.headers, endStream | endHeaders, id, postBlock);
    raw.send(greeting, ...Array.from({ length: 101 }, (_, index) => post(2 * index + 1)));
    expect(await raw.next(types.reset)).toMatchObject({ streamId: 201, payload: Buffer.from([0, 0, 0, 7]) });
    for (const answer of waiting) answer();
    raw.send(post(203));
    while (waiting.length < 101) await new Promise((resolve) => setImmediate(resolve));
    await slow.stop();
  });
});

describe('a client that leaves', () => {
  it('is told to those who answer, stream by stream or all at once', async () => {
    const echoes: Echo[] = [];
    const told = await plain((stream) => {
      const echo = new Echo(stream);
      echoes.push(echo);
      return echo;
    });
    const raw = await told.socket();
    const open = (id: number) => frame(types.headers, endHeaders, id, postBlock);
    raw.send(greeting, open(1), open(3), frame(types.reset, 0, 1, Buffer.from([0, 0, 0, 8])));
    while (!echoes[0]?.gone) await new Promise((resolve) => setImmediate(resolve));
    expect(echoes.map(({ gone }) => gone)).toEqual([true, false]);
    raw.socket.destroy();
    while (!echoes[1]?.gone) await new Promise((resolve) => setImmediate(resolve));
    await told.stop();
  });

  it('again and again leaves nothing behind but the work that it began', async () => {
    const raw = await server.socket();
    const rounds = Array.from({ length: 5_000 }, (_, index) => [
      frame(types.headers, endHeaders, 2 * index + 1, postBlock),
      frame(types.reset, 0, 2 * index + 1, Buffer.from([0, 0, 0, 8])),
    ]);
    raw.send(greeting, ...rounds.flat(), frame(types.ping, 0, 0, Buffer.alloc(8)));
    expect(await raw.next(types.ping)).toMatchObject({ flags: 1 });
    expect(server.streams.every(({ closed }) => closed)).toBe(true);
  });

  it('does not get more done at a time than one that stays', async () => {
    const begun = await plain((stream) => Object.assign(new Echo(stream), { whole: () => stream.begin() }));
    const raw = await begun.socket();
    const rounds = Array.from({ length: 101 }, (_, index) => [
      frame(types.headers, endHeaders | endStream, 2 * index + 1, postBlock),
      frame(types.reset, 0, 2 * index + 1, Buffer.from([0, 0, 0, 8])),
    ]);
    raw.send(greeting, ...rounds.flat());
    expect(await raw.next(types.reset)).toMatchObject({ streamId: 201, payload: Buffer.from([0, 0, 0, 7]) });
    for (const stream of begun.streams) stream.settle();
    raw.send(frame(types.headers, endHeaders | endStream, 203, postBlock));
    while (begun.streams.length < 101) await new Promise((resolve) => setImmediate(resolve));
    await begun.stop();
  });
});

describe('a client that asks for too much', () => {
  it('of memory for bodies that do not end is refused, stream by stream', async () => {
    const small = await plain((stream) => new Echo(stream), 100_000);
    const raw = await small.socket();
    const open = (id: number) => [
      frame(types.headers, endHeaders, id, postBlock),
      ...Array.from({ length: 4 }, () => frame(types.data, 0, id, Buffer.alloc(16_000))),
    ];
    raw.send(greeting, ...open(1), ...open(3));
    const refused = await raw.next(types.headers);
    expect(refused).toMatchObject({ streamId: 3, flags: endStream | endHeaders });
    raw.send(frame(types.data, endStream, 1, Buffer.alloc(10)));
    expect(await raw.next(types.headers)).toMatchObject({ streamId: 1 });
    await small.stop();
  });

  it.each([16_384, 0])('of header blocks without end is cut off, at %i bytes a frame', async (bytes) => {
    const raw = await server.socket();
    const more = frame(types.continuation, 0, 1, Buffer.alloc(bytes));
    raw.send(greeting, frame(types.headers, 0, 1, postBlock), ...Array.from({ length: 40 }, () => more));
    const told = await raw.next(types.goAway);
    expect(told?.payload.readUInt32BE(4)).toBe(11);
    await raw.closed;
  });

  it('of answers that it does not read is not read either', async () => {
    const raw = await server.socket();
    raw.socket.pause();
    raw.send(greeting);
    const pings = Buffer.concat(Array.from({ length: 4_096 }, () => frame(types.ping, 0, 0, Buffer.alloc(8))));
    let sent = 0;
    while (raw.socket.write(pings) || raw.socket.writableLength < 8 * pings.length) {
      sent += pings.length;
      if (sent > 256 << 20) throw new Error('everything was read');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await ask(server.client(), text('others'))).toMatchObject({ code: 0 });
  });
});

describe('a connection that is to end', () => {
  it('lets what was asked be answered, and refuses the rest', async () => {
    const raw = await server.socket();
    raw.send(greeting, frame(types.headers, endHeaders, 1, postBlock));
    while (server.streams.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const [connection] = server.connections;
    connection?.close();
    expect((await raw.next(types.goAway))?.payload.readUInt32BE(0)).toBe(2 ** 31 - 1);
    // Under way when the client heard of it.
    raw.send(frame(types.headers, endHeaders, 3, postBlock), frame(types.ping, 1, 0, Buffer.alloc(8)));
    expect((await raw.next(types.goAway))?.payload.readUInt32BE(0)).toBe(3);
    raw.send(frame(types.headers, endHeaders | endStream, 5, postBlock));
    expect(await raw.next(types.reset)).toMatchObject({ streamId: 5, payload: Buffer.from([0, 0, 0, 7]) });
    raw.send(frame(types.data, endStream, 1, text('one')), frame(types.data, endStream, 3, text('three')));
    const bodies = [await raw.next(types.data), await raw.next(types.data)].map((one) => String(one?.payload));
    expect(bodies).toEqual(['one', 'three']);
    await raw.closed;
  });

  it('never takes back which stream was the last', async () => {
    const raw = await server.socket();
    raw.send(greeting, frame(types.headers, endHeaders, 1, postBlock));
    while (server.streams.length === 0) await new Promise((resolve) => setImmediate(resolve));
    server.connections[0]?.close();
    await raw.next(types.goAway);
    raw.send(frame(types.ping, 1, 0, Buffer.alloc(8)));
    await raw.next(types.goAway);
    raw.send(frame(types.headers, endHeaders, 3, postBlock), frame(types.ping, 0, 0, Buffer.alloc(7)));
    const told = await raw.next(types.goAway);
    expect([told?.payload.readUInt32BE(0), told?.payload.readUInt32BE(4)]).toEqual([1, 6]);
  });

  it('ends at once where nobody has spoken HTTP/2 yet', async () => {
    const raw = await server.socket();
    while (server.connections.length === 0) await new Promise((resolve) => setImmediate(resolve));
    server.connections[0]?.close();
    await raw.closed;
  });
});

describe('whatever comes', () => {
  it('others are answered', async () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc
        .tuple(fc.nat(10), fc.nat(255), fc.constantFrom(0, 1, 1, 3, 5, 2, 101), fc.uint8Array({ maxLength: 30 }))
        .map(([type, flags, id, bytes]) => frame(type, flags, id, Buffer.from(bytes))),
      fc.constantFrom(1, 3, 5).map((id) => frame(types.headers, endHeaders, id, postBlock)),
      fc.constantFrom(1, 3, 5).map((id) => frame(types.data, endStream, id, text('body'))),
    );
    const good = server.client();
    await fc.assert(
      fc.asyncProperty(fc.array(anything, { maxLength: 12 }), async (parts) => {
        const raw = await server.socket();
        raw.send(greeting, ...parts);
        raw.socket.end();
        await raw.closed;
      }),
      { numRuns: 1_500 },
    );
    expect(await ask(good, text('still here'))).toMatchObject({ code: 0, body: text('still here') });
    expect(server.streams.every(({ closed }) => closed)).toBe(true);
  });
});

/** What frames say, whether DATA comes in one or in parts, of which only the last has its flags. */
function told(frames: readonly Heard[]): unknown[] {
  return frames.flatMap<unknown>(({ type, flags, streamId, payload }) => {
    if (type !== types.data || (flags & padded) !== 0) return [{ type, flags, streamId, payload }];
    const bytes = Array.from(payload, (byte) => [streamId, byte]);
    return flags === 0 ? bytes : [...bytes, [streamId, 'flags', flags]];
  });
}
