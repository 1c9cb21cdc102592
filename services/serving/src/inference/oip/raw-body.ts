import { elementSize } from '@relearn/onnx';
import { RelearnError } from '@relearn/kernel';
import type { TensorSpec } from '../tensors.js';
import type { Named } from './json-request.js';
import type { InferRequest } from './request.js';

export interface RawInputs {
  readonly inputs: readonly TensorSpec[];
  /** Is the first axis the batch's? A body is one row then. */
  readonly batches: boolean;
}

/**
 * A body that is nothing but the values of a model's only input; its shape comes from its size. Throws INVALID_INPUT
 * where the model does not allow that.
 */
export function requestOfRawBody(body: Uint8Array, { inputs, batches }: RawInputs, named: Named): InferRequest {
  const [spec] = inputs;
  if (spec === undefined || inputs.length !== 1) {
    throw refused(
      `Raw request must only have 1 input (found 1) to be deduced but got ${inputs.length} inputs in '${named.model}' model configuration`,
    );
  }
  const shape = batches ? [1, ...spec.shape.slice(1)] : [...spec.shape];
  const free = shape.indexOf(-1);
  if (free !== -1 && shape.indexOf(-1, free + 1) !== -1) {
    throw refused(
      `The shape of the raw input '${spec.name}' can not be deduced because there are more than one variable-sized dimension`,
    );
  }
  const fixed = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
  let bytes = body;
  if (spec.datatype === 'BYTES') {
    if (free !== -1 || fixed !== 1) {
      throw refused(`For BYTE datatype raw input '${spec.name}', the model must have input shape [1]`);
    }
    const length = Buffer.alloc(4);
    length.writeUInt32LE(body.byteLength);
    bytes = Buffer.concat([length, body]);
  } else if (free !== -1) shape[free] = Math.floor(body.byteLength / fixed / elementSize(spec.datatype));
  return {
    modelName: named.model,
    modelVersion: named.version,
    id: '',
    parameters: {},
    inputs: [{ name: spec.name, datatype: spec.datatype, shape, data: { kind: 'raw', bytes } }],
    outputs: [],
    bothKinds: undefined,
    surplusRaw: false,
  };
}

function refused(message: string): RelearnError {
  return new RelearnError('INVALID_INPUT', `[request id: <id_unknown>] ${message}`);
}
