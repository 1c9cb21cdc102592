import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Http2Stream, Responder } from '../src/grpc/http2/protocol/index.js';
import { allowance, Echo, frame, greeting, head, plain, postBlock, trailers } from './http2.js';

const types = { data: 0, headers: 1, reset: 3, ping: 6, windowUpdate: 8 };
const mostHeldBytes = 100_000;

/** Those who answer, each in another way. */
const responders: readonly ((stream: Http2Stream) => Responder)[] = [
  (stream) => new Echo(stream),
  // Before the body is whole.
  (stream) => Object.assign(new Echo(stream), { data: () => stream.respondOnly(head) }),
  // Never.
  (stream) => {
    stream.begin();
    return Object.assign(new Echo(stream), { whole() {} });
  },
  // Takes the body as it comes, and works on when the answer is out.
  (stream) =>
    Object.assign(new Echo(stream), {
      data: ({ length }: Buffer) => stream.release(length),
      whole() {
        stream.begin();
        stream.respond(head);
        stream.send(Buffer.alloc(1_000));
        stream.end(trailers);
      },
    }),
];

const step = fc.record({
  act: fc.constantFrom('open', 'post', 'data', 'data', 'end', 'reset', 'fault', 'room', 'settle', 'release'),
  slot: fc.nat(5),
  bytes: fc.nat(16_000),
});

/** Says the steps in frames; a slot is one stream after the other. */
class Script {
  readonly ids = new Map<number, number>();
  next = 1;

  framesOf({ act, slot, bytes }: { act: string; slot: number; bytes: number }): Buffer[] {
    const id = this.ids.get(slot);
    if (act === 'open' || act === 'post') {
      if (id !== undefined) return [];
      this.ids.set(slot, this.next);
      this.next += 2;
      return [frame(types.headers, act === 'post' ? 5 : 4, this.next - 2, postBlock)];
    }
    if (id === undefined) return [];
    if (act === 'reset' || act === 'end') this.ids.delete(slot);
    if (act === 'reset') return [frame(types.reset, 0, id, Buffer.from([0, 0, 0, 8]))];
    if (act === 'end') return [frame(types.data, 1, id, Buffer.alloc(bytes))];
    if (act === 'data') return [frame(types.data, 0, id, Buffer.alloc(bytes))];
    if (act === 'room') return [frame(types.windowUpdate, 0, id, Buffer.from([0, 0, 0, 50]))];
    return act === 'fault' ? [frame(types.windowUpdate, 0, id, Buffer.alloc(4))] : [];
  }
}

it('whatever streams go through, nothing of them stays', async () => {
  const server = await plain(
    (stream) => (responders[(stream.id >> 1) % 4] ?? responders[0])?.(stream) ?? new Echo(stream),
    mostHeldBytes,
  );
  const check = async (steps: readonly { act: string; slot: number; bytes: number }[]) => {
    const raw = await server.socket();
    const script = new Script();
    const from = server.streams.length;
    const acked = async () => {
      raw.send(frame(types.ping, 0, 0, Buffer.alloc(8)));
      const told = [];
      for (let one = await raw.next(); one !== undefined && one.type !== types.ping; one = await raw.next())
        told.push(one);
      return told;
    };
    raw.send(greeting, frame(types.windowUpdate, 0, 0, Buffer.from([0x70, 0, 0, 0])));
    for (const one of steps) {
      raw.send(...script.framesOf(one));
      if (one.act !== 'settle' && one.act !== 'release') continue;
      await acked();
      const stream = server.streams[from + one.slot];
      if (one.act === 'settle') stream?.settle();
      else stream?.release(one.bytes);
    }
    const reset = (id: number) => frame(types.reset, 0, id, Buffer.from([0, 0, 0, 8]));
    for (let id = 1; id < script.next; id += 2) raw.send(reset(id));
    await acked();
    for (const stream of server.streams.slice(from)) stream.settle();
    while ((script.next >> 1) % 4 !== 0) script.next += 2;
    // As many streams as ever and not one more, and as many bytes on one of them.
    const ids = Array.from({ length: allowance.streams + 1 }, (_, at) => script.next + 2 * at);
    raw.send(...ids.map((id) => frame(types.headers, 4, id, postBlock)));
    for (let left = mostHeldBytes; left > 0; left -= 10_000)
      raw.send(frame(types.data, 0, script.next, Buffer.alloc(10_000)));
    expect((await acked()).filter(({ type }) => type === types.headers || type === types.reset)).toEqual([
      { type: types.reset, flags: 0, streamId: ids.at(-1), payload: Buffer.from([0, 0, 0, 7]) },
    ]);
    raw.send(frame(types.data, 0, script.next, Buffer.alloc(1)));
    expect((await acked()).filter(({ type }) => type === types.headers)).toHaveLength(1);
    raw.socket.destroy();
  };
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), check), { numRuns: 100 });
  await server.stop();
});
