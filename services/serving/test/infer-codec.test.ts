import { RelearnError } from '@relearn/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServedModel } from '../src/inference/catalogue.js';
import { ModelFigures } from '../src/inference/figures.js';
import { decodeInferRequest, encodeInferResponse } from '../src/inference/oip/infer-codec.js';
import { rawOfContents } from '../src/inference/oip/typed-contents.js';
import { inference, linearRequest } from './serve.js';

const modelInfer = inference.methods.find(({ name }) => name === 'modelInfer');
const encode = (request: object) => Buffer.from(modelInfer?.request.encode(request) ?? []);

function outcomeOf(work: () => unknown): string {
  try {
    work();
    return 'ok';
  } catch (thrown) {
    return thrown instanceof RelearnError ? thrown.code : String(thrown);
  }
}

describe('decoding ModelInferRequest by hand', () => {
  it('reads what the loader writes: names, parameters of every kind, shapes, views of raw bytes', () => {
    const request = linearRequest([1, 2], [3, 4], {
      id: 'ü',
      modelVersion: '3',
      outputs: [{ name: 'score' }],
      parameters: {
        flag: { boolParam: false },
        whole: { int64Param: '-5' },
        huge: { int64Param: '-9223372036854775808' },
        text: { stringParam: 'x' },
        part: { doubleParam: 0.5 },
        unsigned: { uint64Param: '18446744073709551615' },
        small: { uint64Param: '7' },
      },
    });
    const bytes = encode(request);
    const decoded = decodeInferRequest(bytes);
    expect(decoded).toMatchObject({
      modelName: 'linear',
      modelVersion: '3',
      id: 'ü',
      outputs: ['score'],
      parameters: {
        flag: false,
        whole: -5,
        huge: -(2n ** 63n),
        text: 'x',
        part: 0.5,
        unsigned: 2n ** 64n - 1n,
        small: 7,
      },
      inputs: [
        { name: 'a', datatype: 'FP32', shape: [2, 1] },
        { name: 'b', datatype: 'FP32', shape: [2, 1] },
      ],
    });
    const data = decoded.inputs[0]?.data;
    expect(data?.kind === 'raw' && data.bytes.buffer).toBe(bytes.buffer);
  });

  it('reads on behind an input that is to come from shared memory, whatever the order of its parameters', () => {
    const region = { shared_memory_region: { stringParam: 'r' } };
    const size = { shared_memory_byte_size: { int64Param: '16' } };
    for (const parameters of [
      { ...region, ...size },
      { ...size, ...region },
    ]) {
      const inputs = [{ name: 'a', datatype: 'FP32', shape: [2, 1], parameters }, { name: 'b' }];
      const decoded = decodeInferRequest(encode({ modelName: 'm', id: 'x', inputs }));
      expect(decoded).toMatchObject({ id: 'x', inputs: [{ name: 'a', shape: [2, 1] }, { name: 'b' }] });
      expect(decoded.fault?.message).toContain("Unable to find shared memory region: 'r'");
    }
  });

  it('merges contents that are given in two parts, as protobuf does', () => {
    const tensor = { name: 'a', datatype: 'FP32', shape: [2, 1] };
    const part = (value: number) =>
      encode({ modelName: 'm', inputs: [{ ...tensor, contents: { fp32Contents: [value] } }] });
    const whole = decodeInferRequest(part(1)).inputs[0]?.data;
    const other = decodeInferRequest(part(2)).inputs[0]?.data;
    const joined = [whole, other].map((data) => (data?.kind === 'typed' ? data.contents : new Uint8Array()));
    const raw = rawOfContents(Buffer.concat(joined), 'FP32', "'a' for model 'm'");
    expect(raw).toEqual(new Uint8Array(new Float32Array([1, 2]).buffer));
  });

  it('answers any bytes with a request or INVALID_INPUT', () => {
    const good = encode(linearRequest([1], [2], { id: 'x', parameters: { a: { stringParam: 'b' } } }));
    const cut = fc.nat(good.length).map((length) => good.subarray(0, length));
    const bent = fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, value]) => {
      const copy = Buffer.from(good);
      copy[at] = value;
      return copy;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), cut, bent), (bytes) => {
        expect(['ok', 'INVALID_INPUT']).toContain(outcomeOf(() => decodeInferRequest(bytes)));
      }),
      { numRuns: 5_000 },
    );
    const types = fc.constantFrom('FP32', 'INT64', 'BYTES', 'BOOL', 'UINT8', 'FP16' as const);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), types, (bytes, type) => {
        expect(['ok', 'INVALID_INPUT']).toContain(outcomeOf(() => rawOfContents(bytes, type, 'x')));
      }),
      { numRuns: 5_000 },
    );
  });

  it('refuses a request of endless entries', () => {
    const many = Buffer.concat(Array.from({ length: 20_000 }, () => Buffer.from([0x3a, 0])));
    expect(outcomeOf(() => decodeInferRequest(many))).toBe('INVALID_INPUT');
    const dimensions = Buffer.concat([
      Buffer.from([0x2a, 0xc4, 0x9c, 0x01, 0x1a, 0xc0, 0x9c, 0x01]),
      Buffer.alloc(20_032, 1),
    ]);
    expect(outcomeOf(() => decodeInferRequest(dimensions))).toBe('INVALID_INPUT');
  });
});

describe('encoding ModelInferResponse by hand', () => {
  const output = fc.record({
    name: fc.string({ minLength: 1 }),
    shape: fc.array(fc.integer({ min: 0, max: 2 ** 40 })),
    bytes: fc.uint8Array({ maxLength: 300 }),
  });

  it('writes what the loader reads, whatever the outputs and their shapes are', () => {
    const writes = (id: string, outputs: { name: string; shape: number[]; bytes: Uint8Array }[]) => {
      const named = outputs.map(({ name, shape, bytes }) => ({
        spec: { name, datatype: 'FP32' as const, shape: [] },
        tensor: { shape, bytes },
      }));
      // Some as the model declares them, others made for the answer, as classes are.
      const specs = named.filter((_, at) => at % 2 === 0).map(({ spec }) => spec);
      const model: ServedModel = {
        name: 'm',
        version: '7',
        digest: '',
        session: 1,
        batchable: true,
        signature: { inputs: [], outputs: specs },
        inputAt: new Map(),
        outputAt: new Map(),
        figures: new ModelFigures(),
      };

      const read = modelInfer?.response.decode(encodeInferResponse({ model, id, outputs: named }));

      expect(read).toMatchObject({
        modelName: 'm',
        modelVersion: '7',
        id,
        outputs: outputs.map(({ name, shape }) => ({ name, datatype: 'FP32', shape: shape.map(String) })),
        rawOutputContents: outputs.map(({ bytes }) => Buffer.from(bytes)),
      });
    };

    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.array(output), writes));
  });
});
