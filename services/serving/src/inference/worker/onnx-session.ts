import { datatypeOf, type NumericArray, openSession, runtimeTypeOf, typedView } from '@relearn/onnx';
import { systemClock } from '@relearn/kernel';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { decodeByteStrings, encodeByteStrings } from '../byte-strings.js';
import type { ModelSignature, TensorSpec } from '../tensors.js';
import { type PackedTensors, pack, placesOf } from './protocol.js';

export interface Ran {
  readonly outputs: PackedTensors;
  /** In the runtime. */
  readonly computeMs: number;
  /** Making the outputs ready. */
  readonly outputMs: number;
}

/** A model in ONNX Runtime. The runtime loads and runs it on the thread that asks, which does nothing else meanwhile. */
export class OnnxSession {
  readonly signature: ModelSignature;
  private readonly session: InferenceSession;

  private constructor(session: InferenceSession) {
    this.session = session;
    this.signature = {
      inputs: session.inputMetadata.map((value) => specOf(value, 'input')),
      outputs: session.outputMetadata.map((value) => specOf(value, 'output')),
    };
  }

  /** Throws the runtime's reason, and what of the model the protocol has no type for. */
  static async open(onnx: Uint8Array, threads = 1): Promise<OnnxSession> {
    return new OnnxSession(await openSession(onnx, threads));
  }

  /** `inputs` in the order of the model's, `wanted` indices of its outputs. */
  async run(inputs: PackedTensors, wanted: readonly number[]): Promise<Ran> {
    const { signature } = this;
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
    const results = await this.session.run(
      feeds,
      specs.map(({ name }) => name),
    );
    const ended = systemClock.now();
    const outputs = packResults(specs, results);
    return { outputs, computeMs: ended - began, outputMs: systemClock.now() - ended };
  }

  release(): Promise<void> {
    return this.session.release();
  }
}

function specOf(value: InferenceSession.ValueMetadata, side: string): TensorSpec {
  if (!value.isTensor) throw new Error(`${side} '${value.name}' is not a tensor`);
  const datatype = datatypeOf(value.type);
  if (datatype === undefined) throw new Error(`${side} '${value.name}' has type ${value.type}, which cannot be served`);
  return { name: value.name, datatype, shape: value.shape.map((size) => (typeof size === 'number' ? size : -1)) };
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
