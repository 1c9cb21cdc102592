import { afterEach, describe, expect, it } from 'vitest';
import { LargeBuffers } from '../src/inference/worker/large-buffers.js';
import { model, node, value } from './onnx.js';
import { load, rawRequest, type Served, serve } from './serve.js';

let served: Served | undefined;

afterEach(async () => {
  await served?.stop();
  served = undefined;
});

describe('buffers of large inputs', () => {
  it('are given again where they are about as large as what is asked for, and no more of them are kept than run at once', () => {
    const buffers = new LargeBuffers(1);
    const large = buffers.take(600_000);
    expect(large.byteLength).toBe(600_000);
    buffers.give(large);
    expect(buffers.take(200_000)).not.toBe(large);
    expect(buffers.take(600_008)).not.toBe(large);
    expect(buffers.take(400_000)).toBe(large);
    expect(buffers.take(600_000)).not.toBe(large);
    const other = new ArrayBuffer(600_000);
    buffers.give(large);
    buffers.give(other);
    expect(buffers.take(600_000)).toBe(other);
    expect(buffers.take(600_000)).not.toBe(large);
    const small = new ArrayBuffer(1_000);
    buffers.give(small);
    expect(buffers.take(1_000)).not.toBe(small);
  });

  it('hold nothing of the request before', async () => {
    const { host, client } = (served = await serve());
    const echo = model({
      inputs: [value('x', 'FP32', [-1, -1])],
      outputs: [value('y', 'FP32', [-1, -1])],
      nodes: [node('Identity', ['x'], ['y'])],
    });
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
