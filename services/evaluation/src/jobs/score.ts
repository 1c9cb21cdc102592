import type { Dataset } from '@relearn/features';
import { RelearnError } from '@relearn/kernel';
import { openSession } from '@relearn/onnx';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { OpenedModel } from './opened-model.js';

const chunkRows = 4096;

/** The outputs that carry a prediction, one of which every model of a pipeline has. */
const predictionOutputs = ['probability', 'probabilities', 'prediction'];

/** The model in a session of ONNX Runtime, on one thread. Throws INVALID_INPUT where nothing that it answers is a prediction. */
export async function openModel(onnx: Uint8Array): Promise<OpenedModel> {
  const session = await openSession(onnx);
  return { inputNames: session.inputNames, score: (dataset) => score(session, dataset) };
}

async function score(session: InferenceSession, dataset: Dataset): Promise<Float64Array> {
  const output = predictionOutputs.find((name) => session.outputNames.includes(name));
  if (output === undefined)
    throw new RelearnError('INVALID_INPUT', `the model has none of the outputs ${predictionOutputs.join(', ')}`);
  const parts: Float64Array[] = [];
  for (let from = 0; from < dataset.rows; from += chunkRows) {
    const to = Math.min(dataset.rows, from + chunkRows);
    const result = await session.run(feeds(session, dataset, from, to), [output]);
    parts.push(Float64Array.from(numbersOf(result[output])));
  }
  const scores = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    scores.set(part, at);
    at += part.length;
  }
  return scores;
}

function numbersOf(tensor: Tensor | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new RelearnError('INVALID_INPUT', 'the model does not answer FP32');
}

function feeds(session: InferenceSession, dataset: Dataset, from: number, to: number): Record<string, Tensor> {
  const wanted = new Set(session.inputNames);
  const shape = [to - from, 1];
  return Object.fromEntries(
    dataset.columns
      .filter((column) => wanted.has(column.name))
      .map((column) => [
        column.name,
        column.kind === 'number'
          ? new Tensor('float32', Float32Array.from(column.values.subarray(from, to)), shape)
          : new Tensor(
              'string',
              Array.from(column.codes.subarray(from, to), (code) => column.dictionary[code] ?? ''),
              shape,
            ),
      ]),
  );
}
