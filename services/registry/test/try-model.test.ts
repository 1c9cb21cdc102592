import { describe, expect, test } from 'vitest';
import { run } from '../src/jobs/try-model.js';
import { attribute, type ElementType, elementTypes, intTensor, model, node, value } from '../../serving/test/onnx.js';
import { identityModel, totalModel } from '../../serving/test/models.js';

describe('a file is loaded and asked', () => {
  test.each(Object.keys(elementTypes) as ElementType[])('%s', async (type) => {
    const { inputs, outputs } = await run(identityModel(type));
    expect(inputs).toEqual([{ name: 'x', datatype: type, shape: [-1, 2] }]);
    expect(outputs).toEqual([{ name: 'y', datatype: type, shape: [-1, 2] }]);
  });

  test('fixed sizes, scalars and several tensors are as the graph has them', async () => {
    const { onnx } = model({
      inputs: [value('a', 'FP32', [2, 3]), value('b', 'FP32', [])],
      outputs: [value('c', 'FP32', [2, 3]), value('d', 'FP32', [])],
      nodes: [node('Add', ['a', 'b'], ['c']), node('Identity', ['b'], ['d'])],
    });
    const { inputs, outputs } = await run({ onnx });
    expect([inputs, outputs].map((side) => side.map(({ shape }) => shape))).toEqual([
      [[2, 3], []],
      [[2, 3], []],
    ]);
    expect((await run(totalModel())).outputs[0]?.shape).toEqual([1, 1]);
  });

  test('a free size beside the rows is tried with several', async () => {
    const split = (parts: number) =>
      model({
        inputs: [value('x', 'FP32', [-1, -1])],
        outputs: Array.from({ length: parts }, (_, at) => value(`y${at}`, 'FP32', [-1, -1])),
        nodes: [
          node(
            'Split',
            ['x'],
            Array.from({ length: parts }, (_, at) => `y${at}`),
            { attributes: [attribute.int('axis', 1)] },
          ),
        ],
      });
    expect((await run(split(2))).inputs[0]?.shape).toEqual([-1, -1]);
  });
});

describe('a file is refused with its cause', () => {
  test('that is no ONNX', async () => {
    await expect(run({ onnx: Buffer.from('no model') })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('ONNX Runtime does not load it'),
    });
  });

  test('that has an output which is no tensor', async () => {
    const { onnx } = model({
      inputs: [value('x', 'FP32', [-1, 2])],
      outputs: [Buffer.concat([Buffer.from([0x0a, 1]), Buffer.of(0x7a), mapOfStrings])],
      nodes: [
        node('ZipMap', ['x'], ['z'], {
          domain: 'ai.onnx.ml',
          attributes: [attribute.strings('classlabels_strings', ['a', 'b'])],
        }),
      ],
    });
    await expect(run({ onnx })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining("its output 'z' is a sequence or a map"),
    });
  });

  test('that fails when it is asked', async () => {
    const { onnx } = model({
      inputs: [value('x', 'FP32', [-1, 1])],
      outputs: [value('y', 'FP32', [5])],
      initializers: [intTensor('five', [1], [5])],
      nodes: [node('Reshape', ['x', 'five'], ['y'])],
    });
    await expect(run({ onnx })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('asked with zeros it fails'),
    });
  });
});

/** TypeProto: sequence(map(string, tensor(float))), as bytes of the format. */
const mapOfStrings = Buffer.from([0x12, 16, 0x22, 14, 0x0a, 12, 0x2a, 10, 0x08, 8, 0x12, 6, 0x0a, 4, 0x08, 1, 0x12, 0]);
