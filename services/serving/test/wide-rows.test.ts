import { sha256 } from '@relearn/kernel';
import { describe, expect, test } from 'vitest';
import type { PredictionRecord } from '../src/inference/prediction-record.js';
import { digestsOf } from '../src/inference/values.js';
import { type LoggedLine, loggedLineOf } from '../src/spool/logged-line.js';
import { linesOf } from '../src/spool/spooled-line.js';
import { model, node, value } from './onnx.js';
import { fp32, load, rawRequest, serve } from './serve.js';

test("a request of too many values is told by digests, and takes nobody else's values from the log", async () => {
  const lines: LoggedLine[] = [];
  const served = await serve({ log: (told) => void lines.push(...linesOf(told, 1).map(loggedLineOf)) });
  const sides = { inputs: [value('x', 'FP32', [-1, 300])], outputs: [value('y', 'FP32', [-1, 300])] };
  await load(served.host, 'tall', 1, model({ ...sides, nodes: [node('Identity', ['x'], ['y'])] }));
  const filled = (rows: number, by: number) => Buffer.from(new Float32Array(300 * rows).fill(by).buffer);
  const asked = [1, 900, 2].map((rows, at) => {
    const x = { datatype: 'FP32', shape: [rows, 300], raw: filled(rows, at) };
    return { ...rawRequest('tall', { x }), id: String(at) };
  });
  await Promise.all(asked.map((request) => served.client.modelInfer(request)));
  await served.stop();

  const tall = lines.find(({ rows }) => rows === 900);
  const digest = `sha256:${sha256(filled(1, 1))}`;
  expect(tall?.inputs).toEqual({ x: new Array<string>(900).fill(digest) });
  const others = lines.filter((line) => line !== tall);
  expect(others.reduce((sum, { rows }) => sum + rows, 0)).toBe(3);
  for (const { inputs, outputs } of others) {
    expect([Object.keys(inputs).length, Object.keys(outputs).length]).toEqual([300, 300]);
  }
});

describe('a request to a model without a batch axis', () => {
  async function logged(shape: number[]): Promise<LoggedLine[]> {
    const lines: LoggedLine[] = [];
    const served = await serve({ log: (told) => void lines.push(...linesOf(told, 1).map(loggedLineOf)) });
    const sides = { inputs: [value('x', 'FP32', [-1, -1])], outputs: [value('y', 'FP32', [-1, -1])] };
    await load(served.host, 'free', 1, model({ ...sides, nodes: [node('Identity', ['x'], ['y'])] }));
    const raw = Buffer.from(new Float32Array(shape.reduce((size, side) => size * side, 1)).fill(1).buffer);
    await served.client.modelInfer(rawRequest('free', { x: { datatype: 'FP32', shape, raw } }));
    await served.stop();
    return lines;
  }

  test('that has more rows than can be told is one, with one digest', async () => {
    const [line, ...others] = await logged([300_000, 1]);
    const digest = `sha256:${sha256(new Uint8Array(new Float32Array(300_000).fill(1).buffer))}`;
    expect(others).toEqual([]);
    expect(line).toMatchObject({ rows: 1, eventIds: [null], inputs: { x: [digest] }, outputs: { y: [digest] } });
  });

  test('that has a few is told row by row', async () => {
    expect(await logged([2, 1])).toMatchObject([{ rows: 2, inputs: { x: [1, 1] } }]);
  });

  test('that has none is one row, without values: the next one has a number of its own', async () => {
    expect(await logged([0, 4])).toMatchObject([{ rows: 1, inputs: {}, outputs: {} }]);
    expect(await logged([2, 0])).toMatchObject([{ rows: 2 }]);
  });
});

const width = 1_200;

test('a row too wide to be logged is digested where its run is made, each request with its own rows', async () => {
  const records: PredictionRecord[] = [];
  const served = await serve({ log: (told) => void records.push(...told) });
  const sides = { inputs: [value('x', 'FP32', [-1, width])], outputs: [value('y', 'FP32', [-1, width])] };
  await load(served.host, 'wide', 1, model({ ...sides, nodes: [node('Identity', ['x'], ['y'])] }));
  const sizes = [1, 3, 2, 1, 1, 4, 1, 1, 2, 1, 1, 1];
  const asked = sizes.map((rows, at) => {
    const raw = fp32(...Array.from({ length: rows * width }, (_, index) => at + index));
    return { ...rawRequest('wide', { x: { datatype: 'FP32', shape: [rows, width], raw } }), id: String(at) };
  });

  await Promise.all(asked.map((request) => served.client.modelInfer(request)));
  await served.stop();

  expect(records).toHaveLength(sizes.length);
  expect(Math.max(...records.map(({ timings }) => timings.batchRows))).toBeGreaterThan(4);
  for (const { id, rows, inputs, outputs } of records) {
    const raw = asked[Number(id)]?.rawInputContents?.[0] ?? Buffer.alloc(0);
    const expected = Array.from({ length: rows }, (_, row) => {
      return `sha256:${sha256(raw.subarray(4 * width * row, 4 * width * (row + 1)))}`;
    });
    expect(inputs[0]?.tensor.digests).toEqual(expected);
    // The answer's are the same rows, which nobody has digested yet.
    expect(outputs[0] && digestsOf('FP32', outputs[0].tensor)).toEqual(expected);
  }
});
