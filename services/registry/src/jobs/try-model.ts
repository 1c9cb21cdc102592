import { RelearnError } from '@relearn/kernel';
import { env, InferenceSession, Tensor } from 'onnxruntime-node';

/** One tensor of a model as the bundle's signature.json has it: datatype of the Open Inference Protocol, -1 where a size is free. */
export interface TriedTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

export interface TriedModel {
  readonly inputs: readonly TriedTensor[];
  readonly outputs: readonly TriedTensor[];
  /** Version of the ONNX Runtime that tried it. */
  readonly runtime: string;
}

interface Kind {
  readonly datatype: string;
  readonly zeros: (count: number) => Tensor['data'];
}

/** Element types of ONNX Runtime that can be served, by its own names. */
const kinds: Readonly<Record<string, Kind>> = {
  bool: { datatype: 'BOOL', zeros: (count) => new Uint8Array(count) },
  uint8: { datatype: 'UINT8', zeros: (count) => new Uint8Array(count) },
  uint16: { datatype: 'UINT16', zeros: (count) => new Uint16Array(count) },
  uint32: { datatype: 'UINT32', zeros: (count) => new Uint32Array(count) },
  uint64: { datatype: 'UINT64', zeros: (count) => new BigUint64Array(count) },
  int8: { datatype: 'INT8', zeros: (count) => new Int8Array(count) },
  int16: { datatype: 'INT16', zeros: (count) => new Int16Array(count) },
  int32: { datatype: 'INT32', zeros: (count) => new Int32Array(count) },
  int64: { datatype: 'INT64', zeros: (count) => new BigInt64Array(count) },
  float16: { datatype: 'FP16', zeros: (count) => new Uint16Array(count) },
  float32: { datatype: 'FP32', zeros: (count) => new Float32Array(count) },
  float64: { datatype: 'FP64', zeros: (count) => new Float64Array(count) },
  string: { datatype: 'BYTES', zeros: (count) => new Array<string>(count).fill('') },
};

/** What free sizes are tried with, one after another: nobody knows which ones a graph takes. */
const freeSizes = [1, 8, 64, 224];

/**
 * Worker job: loads a file in ONNX Runtime and asks it with zeros and empty strings of its own signature. Throws INVALID_INPUT,
 * saying why, for what cannot be served.
 */
export async function run({ onnx }: { readonly onnx: Uint8Array }): Promise<TriedModel> {
  const session = await open(onnx);
  try {
    const inputs = session.inputMetadata.map((value) => tensorOf(value, 'input'));
    const outputs = session.outputMetadata.map((value) => tensorOf(value, 'output'));
    if (outputs.length === 0) throw refused('it has no output');
    await ask(session, inputs);
    return { inputs, outputs, runtime: env.versions.node ?? env.versions.common };
  } finally {
    await session.release();
  }
}

async function open(onnx: Uint8Array): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(onnx, {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      logSeverityLevel: 4,
    });
  } catch (thrown) {
    throw refused(`ONNX Runtime does not load it: ${reasonOf(thrown)}`, thrown);
  }
}

function tensorOf(value: InferenceSession.ValueMetadata, side: 'input' | 'output'): TriedTensor {
  const { name } = value;
  if (!value.isTensor) {
    const how = side === 'output' ? ' (scikit-learn: export with the option zipmap=False)' : '';
    throw refused(`its ${side} '${name}' is a sequence or a map, not a tensor${how}`);
  }
  const kind = kinds[value.type];
  if (kind === undefined) throw refused(`its ${side} '${name}' is of type ${value.type}, which cannot be served`);
  const shape = value.shape.map((size) => (typeof size === 'number' && size >= 0 ? size : -1));
  return { name, datatype: kind.datatype, shape };
}

async function ask(session: InferenceSession, inputs: readonly TriedTensor[]): Promise<void> {
  const free = inputs.some(({ shape }) => shape.slice(1).includes(-1));
  let first: unknown;
  for (const size of free ? freeSizes : [1]) {
    try {
      await session.run(feedsOf(session, inputs, size));
      return;
    } catch (thrown) {
      first ??= thrown;
    }
  }
  throw refused(`asked with zeros it fails: ${reasonOf(first)}`, first);
}

/** The first axis is one row where it is free. */
function feedsOf(session: InferenceSession, inputs: readonly TriedTensor[], freeSize: number): Record<string, Tensor> {
  const types = new Map(session.inputMetadata.map((value) => [value.name, value.isTensor ? value.type : 'float32']));
  const feeds = inputs.map(({ name, shape }): [string, Tensor] => {
    const type = types.get(name) ?? 'float32';
    const dims = shape.map((size, axis) => (size !== -1 ? size : axis === 0 ? 1 : freeSize));
    const data = kinds[type]?.zeros(dims.reduce((product, size) => product * size, 1));
    return [name, new Tensor(type as 'float32', data as Float32Array, dims)];
  });
  return Object.fromEntries(feeds);
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function refused(reason: string, cause?: unknown): RelearnError {
  return new RelearnError('INVALID_INPUT', `the file is no model that can be served: ${reason}`, { cause });
}
