import { parentPort } from 'node:worker_threads';
import { systemClock } from '@relearn/kernel';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { decodeByteStrings, encodeByteStrings } from '../byte-strings.js';
import {
  datatypeOf,
  type ModelSignature,
  type NumericArray,
  runtimeTypeOf,
  type TensorSpec,
  typedView,
} from '../tensors.js';
import { sessionOptions } from '../threads.js';
import { type FromWorker, type PackedTensors, pack, placesOf, type ToWorker } from './protocol.js';

// The thread in which sessions live. It answers each message with one, in order; whatever is not a message of the
// protocol ends it, and its owner starts another.

interface Loaded {
  readonly session: InferenceSession;
  readonly signature: ModelSignature;
}

const port = parentPort;
if (port === null) throw new Error('this module runs as a worker thread');
const sessions = new Map<number, Loaded>();

let turn = Promise.resolve();
port.on('message', (message: ToWorker) => {
  turn = turn.then(() => answer(message));
});

async function answer(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'load':
      return reply(await attempt(() => load(message.session, message.onnx)));
    case 'run':
      return reply(await attempt(() => run(message.session, message.inputs, message.outputs)));
    case 'release':
      return reply(await attempt(() => release(message.session)));
    case 'stop':
      for (const session of [...sessions.keys()]) await release(session);
      return port?.close();
    default:
      throw new Error(`not a message of the protocol: ${JSON.stringify(message)}`);
  }
}

function reply(message: FromWorker): void {
  port?.postMessage(message, message.kind === 'ran' ? [message.outputs.buffer] : []);
}

async function attempt(work: () => Promise<FromWorker>): Promise<FromWorker> {
  try {
    return await work();
  } catch (thrown) {
    return { kind: 'failed', reason: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

async function load(id: number, onnx: Uint8Array): Promise<FromWorker> {
  const there = sessions.get(id);
  if (there !== undefined) return { kind: 'loaded', signature: there.signature };
  const session = await InferenceSession.create(onnx, sessionOptions);
  const signature = {
    inputs: session.inputMetadata.map((value) => specOf(value, 'input')),
    outputs: session.outputMetadata.map((value) => specOf(value, 'output')),
  };
  sessions.set(id, { session, signature });
  return { kind: 'loaded', signature };
}

function specOf(value: InferenceSession.ValueMetadata, side: string): TensorSpec {
  if (!value.isTensor) throw new Error(`${side} '${value.name}' is not a tensor`);
  const datatype = datatypeOf(value.type);
  if (datatype === undefined) throw new Error(`${side} '${value.name}' has type ${value.type}, which cannot be served`);
  return { name: value.name, datatype, shape: value.shape.map((size) => (typeof size === 'number' ? size : -1)) };
}

async function run(id: number, inputs: PackedTensors, wanted: readonly number[]): Promise<FromWorker> {
  const loaded = sessions.get(id);
  if (loaded === undefined) throw new Error(`session ${id} is not loaded`);
  const { session, signature } = loaded;
  const feeds: Record<string, Tensor> = {};
  let index = 0;
  for (const place of placesOf(inputs)) {
    const spec = signature.inputs[index++];
    if (spec === undefined) throw new Error('more tensors than the model has inputs');
    feeds[spec.name] = tensorOf(spec, inputs.buffer, place);
  }
  const specs = wanted.map((at) => {
    const spec = signature.outputs[at];
    if (spec === undefined) throw new Error(`the model has no output ${at}`);
    return spec;
  });
  const began = systemClock.now();
  const results = await session.run(
    feeds,
    specs.map(({ name }) => name),
  );
  const ended = systemClock.now();
  const outputs = packResults(specs, results);
  return { kind: 'ran', outputs, computeMs: ended - began, outputMs: systemClock.now() - ended };
}

function tensorOf(
  spec: TensorSpec,
  buffer: ArrayBuffer,
  { offset, size, shape }: { offset: number; size: number; shape: readonly number[] },
): Tensor {
  if (spec.datatype === 'BYTES')
    return new Tensor('string', decodeByteStrings(new Uint8Array(buffer, offset, size)), shape);
  const data = typedView(spec.datatype, buffer, offset, size);
  return new Tensor(runtimeTypeOf(spec.datatype) as 'float32', data as Float32Array, shape);
}

function packResults(specs: readonly TensorSpec[], results: InferenceSession.OnnxValueMapType): PackedTensors {
  return pack(
    specs.map((spec) => {
      const tensor = results[spec.name] as Tensor;
      const bytes =
        spec.datatype === 'BYTES' ? encodeByteStrings(tensor.data as string[]) : bytesOf(tensor.data as NumericArray);
      return { shape: tensor.dims, pieces: [bytes] };
    }),
  );
}

function bytesOf(data: NumericArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

async function release(id: number): Promise<FromWorker> {
  const loaded = sessions.get(id);
  sessions.delete(id);
  await loaded?.session.release();
  return { kind: 'released' };
}
