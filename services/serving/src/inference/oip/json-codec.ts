import { RelearnError } from '@relearn/kernel';
import type { Parameter } from '../prediction-record.js';
import { jsonOfTensor } from './json-tensors.js';
import type { InferRequest, InferResponse, Parameters, RequestTensor } from './request.js';

const mostTensors = 10_000;
const mostDimensions = 64;

/** The request in a JSON body. Throws INVALID_INPUT, naming the field that is not as it should be. */
export function parseInferRequest(body: Uint8Array, model: string, version: string): InferRequest {
  const root = objectOf(parse(body), 'the request');
  const { inputs, outputs = [] } = root;
  return {
    modelName: model,
    modelVersion: version,
    id: root['id'] === undefined ? '' : textOf(root['id'], 'id'),
    parameters: parametersOf(root['parameters'], 'parameters'),
    inputs: listOf(inputs, 'inputs').map((input, index) => tensorOf(input, `inputs[${index}]`)),
    outputs: listOf(outputs, 'outputs').map((output, index) => {
      const place = `outputs[${index}]`;
      return textOf(objectOf(output, place)['name'], `${place}.name`);
    }),
    bothKinds: undefined,
    surplusRaw: false,
  };
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new RelearnError('INVALID_INPUT', `failed to parse the request JSON: ${reason}`, { cause: thrown });
  }
}

function tensorOf(input: unknown, place: string): RequestTensor {
  const fields = objectOf(input, place);
  const sizes = listOf(fields['shape'], `${place}.shape`);
  if (sizes.length > mostDimensions) throw invalid(`${place}.shape has more than ${mostDimensions} dimensions`);
  return {
    name: textOf(fields['name'], `${place}.name`),
    datatype: textOf(fields['datatype'], `${place}.datatype`),
    shape: sizes.map((size, axis) => {
      if (typeof size === 'number' && Number.isInteger(size)) return size;
      throw invalid(`${place}.shape[${axis}] is not an integer`);
    }),
    data: fields['data'] === undefined ? { kind: 'none' } : { kind: 'json', data: fields['data'] },
  };
}

function parametersOf(value: unknown, place: string): Parameters {
  if (value === undefined) return {};
  const parameters: Record<string, Parameter> = {};
  for (const [name, inner] of Object.entries(objectOf(value, place))) {
    if (typeof inner !== 'boolean' && typeof inner !== 'number' && typeof inner !== 'string') {
      throw invalid(`${place}.${name} is neither boolean, number nor string`);
    }
    if (name !== '__proto__') parameters[name] = inner;
  }
  return parameters;
}

function objectOf(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalid(`${place} is not a JSON object`);
}

function listOf(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(`${place} is not a JSON array`);
  if (value.length > mostTensors) throw invalid(`${place} has more than ${mostTensors} entries`);
  return value;
}

function textOf(value: unknown, place: string): string {
  if (typeof value === 'string') return value;
  throw invalid(`${place} is not a string`);
}

function invalid(message: string): RelearnError {
  return new RelearnError('INVALID_INPUT', `malformed request: ${message}`);
}

/** The response as JSON text; data is flat. */
export function jsonOfInferResponse({ model, id, arm, outputs }: InferResponse): string {
  const tensors = outputs.map(({ spec, tensor }) => {
    const head = JSON.stringify({ name: spec.name, datatype: spec.datatype, shape: tensor.shape });
    return `${head.slice(0, -1)},"data":${jsonOfTensor(spec, tensor)}}`;
  });
  const head = {
    model_name: model.name,
    model_version: model.version,
    ...(id === '' ? {} : { id }),
    ...(arm === undefined ? {} : { parameters: { arm } }),
  };
  return `${JSON.stringify(head).slice(0, -1)},"outputs":[${tensors.join(',')}]}`;
}
