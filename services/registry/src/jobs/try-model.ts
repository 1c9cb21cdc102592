import { RelearnError } from '@relearn/kernel';
import { type Datatype, datatypeOf, elementSize, openSession, runtimeTypeOf, typedView } from '@relearn/onnx';
import { env, type InferenceSession, Tensor } from 'onnxruntime-node';

/** One tensor of a model as the bundle's signature.json has it: datatype of the Open Inference Protocol, -1 where a size is free. */
export interface TriedTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}

export interface TriedModel {
  readonly inputs: readonly TriedTensor[];
  readonly outputs: readonly TriedTensor[];
  /** Version of the ONNX Runtime that tried it. */
  readonly runtime: string;
}

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
    return await openSession(onnx);
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
  const datatype = datatypeOf(value.type);
  if (datatype === undefined) throw refused(`its ${side} '${name}' is of type ${value.type}, which cannot be served`);
  const shape = value.shape.map((size) => (typeof size === 'number' && size >= 0 ? size : -1));
  return { name, datatype, shape };
}

async function ask(session: InferenceSession, inputs: readonly TriedTensor[]): Promise<void> {
  const free = inputs.some(({ shape }) => shape.slice(1).includes(-1));
  let first: unknown;
  for (const size of free ? freeSizes : [1]) {
    try {
      await session.run(feedsOf(inputs, size));
      return;
    } catch (thrown) {
      first ??= thrown;
    }
  }
  throw refused(`asked with zeros it fails: ${reasonOf(first)}`, first);
}

/** The first axis is one row where it is free. */
function feedsOf(inputs: readonly TriedTensor[], freeSize: number): Record<string, Tensor> {
  const feeds = inputs.map(({ name, datatype, shape }): [string, Tensor] => {
    const dims = shape.map((size, axis) => (size !== -1 ? size : axis === 0 ? 1 : freeSize));
    const count = dims.reduce((product, size) => product * size, 1);
    const type = runtimeTypeOf(datatype) as 'float32';
    return [name, new Tensor(type, zeros(datatype, count) as Float32Array, dims)];
  });
  return Object.fromEntries(feeds);
}

function zeros(datatype: Datatype, count: number): Tensor['data'] {
  if (datatype === 'BYTES') return new Array<string>(count).fill('');
  const bytes = count * elementSize(datatype);
  return typedView(datatype, new ArrayBuffer(bytes), 0, bytes);
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function refused(reason: string, cause?: unknown): RelearnError {
  return new RelearnError('INVALID_INPUT', `the file is no model that can be served: ${reason}`, { cause });
}
