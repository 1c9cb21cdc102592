import type { GraphBuilder } from './graph.js';

/** Codes of a string column, [rows, 1]: i + 1 for values[i]; 0 for '' and every other value. */
export function writeCodes(
  graph: GraphBuilder,
  input: string,
  values: readonly string[],
  type: 'float' | 'int',
): string {
  // An encoder must have a key: '' stands for missing.
  const keys = ['', ...values];
  const codes = keys.map((_, code) => code);
  return graph.node('LabelEncoder', [input], {
    domain: 'ai.onnx.ml',
    attributes: {
      keys_strings: { texts: keys },
      ...(type === 'float'
        ? { values_floats: { floats: Float32Array.from(codes) }, default_float: { float: 0 } }
        : { values_int64s: { ints: codes }, default_int64: { int: 0 } }),
    },
  });
}

/** For each row the row of `table` ((values + 1) x width) that its code names: [rows, width]. */
export function writeLookup(graph: GraphBuilder, codes: string, table: ArrayLike<number>, width: number): string {
  const rows = graph.floats([table.length / width, width], table);
  const found = graph.node('Gather', [rows, codes], { attributes: { axis: { int: 0 } } });
  return graph.node('Squeeze', [found, graph.ints([1], [1])]);
}
