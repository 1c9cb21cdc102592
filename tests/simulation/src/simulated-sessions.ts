import { RelearnError, sha256 } from '@relearn/kernel';
import type { ModelSignature, RunOrder, RunResult, SessionEvents, Sessions, TensorBytes } from '@relearn/serving';
import type { SimulatedProcess } from './process.js';
import { decodeModel, probability, type TinyModel } from './tiny-model.js';

/** Inference without threads: one run at a time, each a step. */
export function simulatedSessions(process: SimulatedProcess): (events: SessionEvents) => Sessions {
  return ({ onFree }) => {
    const models = new Map<number, TinyModel>();
    let busy = false;
    const step = <T>(name: string, work: () => T) =>
      new Promise<T>((resolve, reject) => {
        process.later(process.faults.delay(), name, () => {
          try {
            resolve(work());
          } catch (thrown) {
            reject(thrown);
          }
        });
      });
    return {
      start: () => undefined,
      get free() {
        return !busy;
      },
      takesNext: false,
      load: (session, onnx, digest) =>
        step('loads a model', (): ModelSignature => {
          if (sha256(onnx) !== digest) throw new RelearnError('CORRUPT', `the bytes are not ${digest}`);
          const model = decodeModel(onnx);
          models.set(session, model);
          return model.signature;
        }),
      release: (session) => step('frees a model', () => void models.delete(session)),
      async run(order) {
        busy = true;
        try {
          return await step('scores', () => score(models.get(order.session), order));
        } finally {
          busy = false;
          onFree();
        }
      },
      stop: () => Promise.resolve(),
    };
  };
}

function score(model: TinyModel | undefined, { session, inputs, outputs }: RunOrder): RunResult {
  if (model === undefined) throw new RelearnError('INTERNAL', `session ${session} is not loaded`);
  const place = model.signature.inputs.findIndex(({ name }) => name === model.column);
  const bytes = Buffer.concat(inputs[place]?.pieces ?? []);
  const rows = bytes.byteLength / 4;
  const scores = Float32Array.from({ length: rows }, (_, row) => probability(model, bytes.readFloatLE(4 * row)));
  const tensors: readonly TensorBytes[] = [
    { shape: [rows, 1], bytes: new Uint8Array(scores.buffer) },
    { shape: [rows, 1], bytes: labels(scores) },
  ];
  return { outputs: outputs.map((at) => tensors[at] ?? { shape: [0], bytes: new Uint8Array() }), computeMs: 0 };
}

/** `true` and `false` as the protocol carries texts: each after its length. */
function labels(scores: Float32Array): Uint8Array {
  const texts = Array.from(scores, (value) => Buffer.from(value >= 0.5 ? 'true' : 'false'));
  const length = (size: number) => Buffer.from(new Uint32Array([size]).buffer);
  return new Uint8Array(Buffer.concat(texts.flatMap((text) => [length(text.byteLength), text])));
}
