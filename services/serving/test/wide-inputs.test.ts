import { afterEach, describe, expect, it } from 'vitest';
import type { PredictionRecord } from '../src/inference/prediction-record.js';
import { model, node, value } from './onnx.js';
import { load, rawRequest, type Served, serve } from './serve.js';

const echo = model({
  inputs: [value('x', 'FP32', [-1, -1])],
  outputs: [value('y', 'FP32', [-1, -1])],
  nodes: [node('Identity', ['x'], ['y'])],
});
let served: Served | undefined;

afterEach(async () => {
  await served?.stop();
  served = undefined;
});

describe('large inputs', () => {
  it('are lent: who keeps them beyond the answer has nothing, and who has copied them has all', async () => {
    const [kept, copied]: Uint8Array[][] = [[], []];
    const log = (records: readonly PredictionRecord[]) => {
      for (const { inputs } of records) {
        for (const { tensor } of inputs) {
          kept?.push(tensor.bytes);
          copied?.push(Buffer.from(tensor.bytes));
        }
      }
    };
    const { host, client } = (served = await serve({ log }));
    await load(host, 'echo', 1, echo);
    const asked = [1, 2, 3].map((at) => Buffer.from(new Float32Array(40_000).fill(at).buffer));
    for (const raw of asked) {
      await client.modelInfer(rawRequest('echo', { x: { datatype: 'FP32', shape: [40, 1_000], raw } }));
    }
    expect(kept?.map(({ length }) => length)).toEqual([0, 0, 0]);
    expect(copied?.map((bytes, at) => asked[at]?.equals(bytes))).toEqual([true, true, true]);
  });

  it('hold nothing of the request before', async () => {
    const { host, client } = (served = await serve());
    await load(host, 'echo', 1, echo);
    const ask = async (at: number) => {
      const width = 40_000 + 7_001 * (at % 6);
      const raw = Buffer.from(new Float32Array(width).fill(at).buffer);
      const { rawOutputContents } = await client.modelInfer(
        rawRequest('echo', { x: { datatype: 'FP32', shape: [1, width], raw } }),
      );
      expect(Buffer.from(rawOutputContents[0] ?? []).equals(raw)).toBe(true);
    };
    for (let turn = 0; turn < 12; turn++) await Promise.all([0, 1, 2].map((at) => ask(3 * turn + at)));
  });
});
