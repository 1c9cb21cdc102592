import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Http2Fault } from '../src/grpc/http2/protocol/faults.js';
import { HpackDecoder } from '../src/grpc/http2/protocol/hpack/decoder.js';
import { HpackEncoder } from '../src/grpc/http2/protocol/hpack/encoder.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

function decoded(decoder: HpackDecoder, block: string): string[] {
  return decoder.decode(hex(block)).fields.map(({ name, value }) => `${name}: ${value}`);
}

const first = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'];
const second = [...first, 'cache-control: no-cache'];
const third = [
  ':method: GET',
  ':scheme: https',
  ':path: /index.html',
  ':authority: www.example.com',
  'custom-key: custom-value',
];
const answers = [
  [
    ':status: 302',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:21 GMT',
    'location: https://www.example.com',
  ],
  [
    ':status: 307',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:21 GMT',
    'location: https://www.example.com',
  ],
  [
    ':status: 200',
    'cache-control: private',
    'date: Mon, 21 Oct 2013 20:13:22 GMT',
    'location: https://www.example.com',
    'content-encoding: gzip',
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
];
/** The examples' answers have a table of 256 bytes. */
const tableOf256 = '3fe101';

describe('header blocks', () => {
  it.each([
    [
      'a field that is kept (RFC 7541, C.2.1)',
      '400a637573746f6d2d6b65790d637573746f6d2d686561646572',
      'custom-key: custom-header',
      1,
    ],
    ['one that is not (C.2.2)', '040c2f73616d706c652f70617468', ':path: /sample/path', 0],
    ['one that never is (C.2.3)', '100870617373776f726406736563726574', 'password: secret', 0],
    ['one of the static table (C.2.4)', '82', ':method: GET', 0],
  ])('are read with %s', (_what, block, field, kept) => {
    const decoder = new HpackDecoder(65_536);
    expect(decoded(decoder, block)).toEqual([field]);
    const again = () => decoded(decoder, 'be');
    if (kept === 1) expect(again()).toEqual([field]);
    else expect(again).toThrow(expect.objectContaining({ code: 9 }));
  });

  it.each([
    [
      'plain (RFC 7541, C.3)',
      '828684410f7777772e6578616d706c652e636f6d',
      '828684be58086e6f2d6361636865',
      '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
    ],
    [
      'with Huffman codes (C.4)',
      '828684418cf1e3c2e5f23a6ba0ab90f4ff',
      '828684be5886a8eb10649cbf',
      '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    ],
  ])('of requests are read %s', (_how, ...blocks) => {
    const decoder = new HpackDecoder(65_536);
    expect(blocks.map((block) => decoded(decoder, block))).toEqual([first, second, third]);
  });

  it.each([
    [
      'plain (C.5)',
      `${tableOf256} 4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d`,
      '4803333037c1c0bf',
      '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
    ],
    [
      'with Huffman codes (C.6)',
      `${tableOf256} 488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3`,
      '4883640effc1c0bf',
      '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
    ],
  ])('that push others out of the table are read %s', (_how, ...blocks) => {
    const decoder = new HpackDecoder(65_536);
    expect(blocks.map((block) => decoded(decoder, block))).toEqual(answers);
  });

  it.each([
    ['an index of nothing', '80'],
    ['an index beyond the table', 'be'],
    ['a number without end', 'ff8080808080808000'],
    ['a block that ends within a number', 'ff80'],
    ['a text beyond the block', '00057465'],
    ['a block that ends behind a name', '000161'],
    ['a padding of more than seven bits', '00 02 61 61 82 ff ff'],
    ['a padding of zeros', '00 01 61 81 18'],
    ['the end of a string within it', '00 01 61 84 ff ff ff ff'],
    ['a table larger than allowed', '3fe21f'],
    ['a size of the table behind a field', '82 20'],
  ])('with %s are a COMPRESSION_ERROR', (_what, block) => {
    expect(() => new HpackDecoder(65_536).decode(hex(block))).toThrow(
      expect.objectContaining({ code: 9, streamId: 0 }),
    );
  });

  it('of any bytes are fields or a COMPRESSION_ERROR, and leave a table that is no larger than allowed', () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 100, maxLength: 400 }));
    const outcome = (decoder: HpackDecoder, block: Uint8Array) => {
      try {
        return decoder.decode(Buffer.from(block)).fields.length >= 0;
      } catch (thrown) {
        return thrown instanceof Http2Fault && thrown.code === 9 && thrown.streamId === 0;
      }
    };
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 6 }), (blocks) => {
        const decoder = new HpackDecoder(65_536);
        expect(blocks.map((block) => outcome(decoder, block))).toEqual(blocks.map(() => true));
        // 4,096 bytes hold 128 fields at most, behind the 61 that all know.
        expect(() => decoder.decode(Buffer.of(0xff, 190 - 127))).toThrow(Http2Fault);
      }),
      { numRuns: 2_000 },
    );
  });

  it('with more fields than allowed are told as such, and the table is kept up', () => {
    const decoder = new HpackDecoder(100);
    // A value of 200 bytes that is kept.
    const block = Buffer.concat([hex('4001 61 7f49'), Buffer.alloc(200, 'v')]);
    expect(decoder.decode(block)).toMatchObject({ fields: [], tooMany: true });
    expect(decoder.decode(hex('be'))).toMatchObject({ fields: [], tooMany: true });
    expect(decoded(decoder, '82')).toEqual([':method: GET']);
  });
});

describe('packed lists', () => {
  const status = { name: ':status', value: '200' };
  const type = { name: 'content-type', value: 'application/grpc' };
  const ok = { name: 'grpc-status', value: '0' };
  const head = { fields: [status, type], repeated: true };
  const trailers = { fields: [ok], repeated: true };

  it('that come again are a byte a field, and mean the same', () => {
    const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder(65_536)];
    const sizes = [head, head, trailers, head, trailers, head].map((list) => {
      const block = encoder.pack(list);
      expect(decoder.decode(block).fields).toEqual(list.fields);
      return block.length;
    });
    expect(sizes.slice(3)).toEqual([2, 1, 2]);
  });

  it('leave no trace where they come once', () => {
    const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder(65_536)];
    const once = { fields: [status, { name: 'grpc-message', value: 'x'.repeat(300) }], repeated: false };
    expect(decoder.decode(encoder.pack(once))).toMatchObject({ fields: once.fields, changed: false });
  });

  it('do without a table where the other side wants none, and say so first', () => {
    const [encoder, decoder] = [new HpackEncoder(), new HpackDecoder(65_536)];
    decoder.decode(encoder.pack(head));
    encoder.resize(0);
    for (const [at, list] of [head, trailers, head].entries()) {
      const block = encoder.pack(list);
      expect(block[0] === 0x20).toBe(at === 0);
      expect(decoder.decode(block).fields).toEqual(list.fields);
    }
  });
});
