import { attribute, type ElementType, floatTensor, intTensor, model, node, type TestModel, value } from './onnx.js';

/** score = 2 a + 3 b + offset, [-1,1] each. */
export function linearModel(offset = 0): TestModel {
  return model({
    inputs: [value('a', 'FP32', [-1, 1]), value('b', 'FP32', [-1, 1])],
    outputs: [value('score', 'FP32', [-1, 1])],
    initializers: [floatTensor('wa', [1], [2]), floatTensor('wb', [1], [3]), floatTensor('offset', [1], [offset])],
    nodes: [
      node('Mul', ['a', 'wa'], ['ta']),
      node('Mul', ['b', 'wb'], ['tb']),
      node('Add', ['ta', 'tb'], ['sum']),
      node('Add', ['sum', 'offset'], ['score']),
    ],
  });
}

/** score = distance + carrier's number (AA 10, BB 20, else -1); echo = carrier. */
export function flightModel(): TestModel {
  return model({
    inputs: [value('distance', 'FP32', [-1, 1]), value('carrier', 'BYTES', [-1, 1])],
    outputs: [value('score', 'FP32', [-1, 1]), value('echo', 'BYTES', [-1, 1])],
    nodes: [
      node('LabelEncoder', ['carrier'], ['number'], {
        domain: 'ai.onnx.ml',
        attributes: [
          attribute.strings('keys_strings', ['AA', 'BB']),
          attribute.floats('values_floats', [10, 20]),
          attribute.float('default_float', -1),
        ],
      }),
      node('Add', ['distance', 'number'], ['score']),
      node('Identity', ['carrier'], ['echo']),
    ],
  });
}

/** y = x, [-1,2]. */
export function identityModel(type: ElementType): TestModel {
  return model({
    inputs: [value('x', type, [-1, 2])],
    outputs: [value('y', type, [-1, 2])],
    nodes: [node('Identity', ['x'], ['y'])],
  });
}

/** y = table[at]; an index of `size` or more breaks the run. */
export function fragileModel(size = 3): TestModel {
  return model({
    inputs: [value('at', 'INT64', [-1])],
    outputs: [value('y', 'FP32', [-1])],
    initializers: [
      floatTensor(
        'table',
        [size],
        Array.from({ length: size }, (_, at) => 100 + at),
      ),
    ],
    nodes: [node('Gather', ['table', 'at'], ['y'])],
  });
}

/** total = sum of all rows: its rows do not batch. */
export function totalModel(): TestModel {
  return model({
    inputs: [value('x', 'FP32', [-1, 1])],
    outputs: [value('total', 'FP32', [1, 1])],
    nodes: [node('ReduceSum', ['x'], ['total'], { attributes: [attribute.int('keepdims', 1)] })],
  });
}

/** y = x after some milliseconds of matrix products. */
export function slowModel(products: number): TestModel {
  const size = 256;
  const steps = Array.from({ length: products }, (_, at) => node('MatMul', [`m${at}`, 'm0'], [`m${at + 1}`]));
  return model({
    inputs: [value('x', 'FP32', [-1, 1])],
    outputs: [value('y', 'FP32', [-1, 1])],
    initializers: [floatTensor('zero', [1], [0]), intTensor('square', [2], [size, size])],
    nodes: [
      node('ReduceSum', ['x'], ['sum'], { attributes: [attribute.int('keepdims', 1)] }),
      node('Mul', ['sum', 'zero'], ['nothing']),
      node('Expand', ['nothing', 'square'], ['m0']),
      ...steps,
      node('ReduceMax', [`m${products}`], ['max'], { attributes: [attribute.int('keepdims', 1)] }),
      node('Add', ['x', 'max'], ['y']),
    ],
  });
}
