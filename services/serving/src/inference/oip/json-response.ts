import { RelearnError } from '@relearn/kernel';
import { jsonOfTensor } from './json-tensors.js';
import type { InferResponse } from './request.js';

export interface RestAnswer {
  readonly body: Buffer;
  /** Length of the JSON, in bytes, where tensors follow it. */
  readonly headerLength: number | undefined;
}

/** The answer as JSON, data flat, and after it the tensors that are to be binary. */
export function encodeInferResponse(response: InferResponse, isBinary: (output: string) => boolean): RestAnswer {
  const { model, id, arm, outputs } = response;
  const tail: Uint8Array[] = [];
  const tensors = outputs.map(({ spec, tensor }) => {
    const head = { name: spec.name, datatype: spec.datatype, shape: tensor.shape };
    if (isBinary(spec.name)) {
      tail.push(tensor.bytes);
      return JSON.stringify({ ...head, parameters: { binary_data_size: tensor.bytes.byteLength } });
    }
    if (spec.datatype === 'FP16') throw binaryOnly(spec.datatype);
    return `${JSON.stringify(head).slice(0, -1)},"data":${jsonOfTensor(spec, tensor)}}`;
  });
  const head = {
    model_name: model.name,
    model_version: model.version,
    ...(id === '' ? {} : { id }),
    ...(arm === undefined ? {} : { parameters: { arm } }),
  };
  const json = Buffer.from(`${JSON.stringify(head).slice(0, -1)},"outputs":[${tensors.join(',')}]}`);
  if (tail.length === 0) return { body: json, headerLength: undefined };
  return { body: Buffer.concat([json, ...tail]), headerLength: json.length };
}

export function binaryOnly(datatype: string): RelearnError {
  return new RelearnError(
    'INVALID_INPUT',
    `sending ${datatype} data via JSON is not supported. Please use the binary data format for output`,
  );
}
