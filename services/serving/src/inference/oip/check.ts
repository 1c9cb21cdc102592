import { elementSize, isDatatype } from '@relearn/onnx';
import { RelearnError } from '@relearn/kernel';
import { faultOfByteStrings } from '../byte-strings.js';
import type { ServedModel } from '../catalogue.js';
import { elementCount, type TensorBytes, type TensorSpec } from '../tensors.js';
import { rawOfJson } from './json-tensors.js';
import { isClassifiable } from './classification.js';
import type { JsonValue } from './json-text.js';
import type { InferRequest, RequestTensor } from './request.js';
import { mostTypedBytes, rawOfContents } from './typed-contents.js';

/** A request that the model can run. */
export interface CheckedRequest {
  readonly rows: number;
  /** In the order of the model's inputs. */
  readonly inputs: readonly TensorBytes[];
  /** Indices of the model's outputs, in the order they were asked for. */
  readonly outputs: readonly number[];
  readonly bytes: number;
}

/**
 * Everything that can be wrong with a request is found here, before it joins a batch, in the order in which the
 * protocol's reference server finds it. Throws INVALID_INPUT (TOO_LARGE for typed contents above their limit) with the
 * texts that the protocol's clients know.
 */
export function checkRequest(model: ServedModel, request: InferRequest, maxRows: number): CheckedRequest {
  checkAlone(model, request);
  const sources = request.inputs.map((tensor) => sourceOf(tensor, `'${tensor.name}' for model '${model.name}'`));
  const outputs = outputsOf(model, request);
  const given = inputsInOrder(model, request);
  const rows = rowsOf(model, request, maxRows);
  const inputs = model.signature.inputs.map((spec, index) => {
    const at = given[index] ?? -1;
    const [tensor, source] = [request.inputs[at], sources[at]];
    if (tensor === undefined || source === undefined) throw missing(model, request);
    return checkTensor(model, request, spec, { tensor, source });
  });
  const bytes = inputs.reduce((sum, tensor) => sum + tensor.bytes.byteLength, 0);
  return { rows, inputs, outputs, bytes };
}

/** What is wrong without a look at the model. */
function checkAlone(model: ServedModel, request: InferRequest): void {
  if (request.fault !== undefined) throw request.fault;
  if (request.inputs.length > 1) checkTwice(request);
  if (request.bothKinds !== undefined) {
    const where = `'${request.bothKinds}' for model '${model.name}'`;
    throw invalid(`contents field must not be specified when using raw_input_contents for ${where}`);
  }
  if (request.surplusRaw) {
    throw invalid(
      `expected number of raw_input_contents to be at most the number of inputs (${request.inputs.length}) for model '${model.name}'`,
    );
  }
  checkTyped(model, request);
}

function checkTwice(request: InferRequest): void {
  const names = new Set<string>();
  for (const { name } of request.inputs) {
    if (names.has(name)) throw invalid(`${logged(request)}input '${name}' already exists in request`);
    names.add(name);
  }
}

function checkTyped(model: ServedModel, request: InferRequest): void {
  let typed = 0;
  for (const { data } of request.inputs) if (data.kind === 'typed') typed += data.contents.byteLength;
  if (typed > mostTypedBytes) {
    throw new RelearnError(
      'TOO_LARGE',
      `typed contents of ${typed} bytes exceed ${mostTypedBytes} bytes for model '${model.name}': use raw_input_contents`,
    );
  }
}

/** A tensor's raw bytes; JSON, which needs the model's datatype and shape to be read, later. */
type Source = Uint8Array | { readonly json: readonly JsonValue[] };

function sourceOf({ data, datatype }: RequestTensor, where: string): Source {
  switch (data.kind) {
    case 'raw':
      return data.bytes;
    case 'json':
      return { json: data.data };
    case 'typed':
      return rawOfContents(data.contents, protocolName(datatype), where);
    case 'none':
      throw invalid(`unable to find data for input tensor ${where} in request.`);
  }
}

function outputsOf(model: ServedModel, { outputs, classes }: InferRequest): readonly number[] {
  if (outputs.length === 0) return model.signature.outputs.map((_spec, index) => index);
  const indices = outputs.map((name) => {
    const index = model.outputAt.get(name);
    const datatype = model.signature.outputs[index ?? -1]?.datatype;
    if (index === undefined || datatype === undefined) {
      throw invalid(`unexpected inference output '${name}' for model '${model.name}'`);
    }
    if (classes?.has(name) && !isClassifiable(datatype)) {
      throw invalid(`class result not available for output due to unsupported type '${datatype}'`);
    }
    return index;
  });
  return [...new Set(indices)];
}

/** For each input of the model its place in the request. */
function inputsInOrder(model: ServedModel, request: InferRequest): readonly (number | undefined)[] {
  const count = model.signature.inputs.length;
  if (request.inputs.length !== count) throw missing(model, request);
  const places = new Array<number | undefined>(count).fill(undefined);
  request.inputs.forEach(({ name }, place) => {
    const index = model.inputAt.get(name);
    if (index === undefined) throw invalid(`unexpected inference input '${name}' for model '${model.name}'`);
    places[index] = place;
  });
  return places;
}

function missing(model: ServedModel, request: InferRequest): RelearnError {
  const { inputs } = model.signature;
  const given = new Set(request.inputs.map(({ name }) => name));
  const absent = inputs.filter(({ name }) => !given.has(name)).map(({ name }) => name);
  const list = (names: Iterable<string>) => `[${[...names].map((name) => `'${name}'`).join(',')}]`;
  return invalid(
    `${logged(request)}expected ${inputs.length} inputs but got ${given.size} inputs for model '${model.name}'. Got input(s) ${list(given)}, but missing required input(s) ${list(absent)}. Please provide all required input(s).`,
  );
}

/**
 * Rows of the request: the first axis. Where the model has no batch axis and the first one is nothing that the log could tell row
 * by row, the request is one row.
 */
function rowsOf(model: ServedModel, request: InferRequest, maxRows: number): number {
  if (!model.batchable) {
    const first = request.inputs[0]?.shape[0] ?? 1;
    return first >= 1 && first <= maxRows ? first : 1;
  }
  let rows: number | undefined;
  for (const { name, shape } of request.inputs) {
    const first = shape[0];
    if (first === undefined) {
      throw invalid(
        `${logged(request)}input '${name}' has no shape but model requires batch dimension for '${model.name}'`,
      );
    }
    if (first < 0) throw unspecified(model, request, name, shape);
    rows ??= first;
    if (first !== rows) {
      throw invalid(`${logged(request)}input '${name}' batch size does not match other inputs for '${model.name}'`);
    }
  }
  const count = rows ?? 0;
  if (count > maxRows) {
    throw invalid(`${logged(request)}inference request batch-size must be <= ${maxRows} for '${model.name}'`);
  }
  return count;
}

interface Given {
  readonly tensor: RequestTensor;
  readonly source: Source;
}

function checkTensor(
  model: ServedModel,
  request: InferRequest,
  spec: TensorSpec,
  { tensor, source }: Given,
): TensorBytes {
  const where = `'${spec.name}' for model '${model.name}'`;
  const { shape, datatype } = tensor;
  if (datatype !== spec.datatype) {
    throw invalid(
      `${logged(request)}inference input '${spec.name}' data-type is '${protocolName(datatype)}', but model '${model.name}' expects '${spec.datatype}'`,
    );
  }
  if (shape.some((size) => size < 0)) throw unspecified(model, request, spec.name, shape);
  const fits =
    shape.length === spec.shape.length && spec.shape.every((size, axis) => size === -1 || size === shape[axis]);
  const count = elementCount(shape);
  // A batch has rows; where there is no batch axis a free size may be nothing.
  if (!fits || count === undefined || (count === 0 && model.batchable)) {
    throw invalid(`${logged(request)}unexpected shape for input ${where}. Expected [${spec.shape}], got [${shape}]. `);
  }
  const bytes = 'json' in source ? rawOfJson(source.json, spec.datatype, shape, where) : source;
  checkBytes(bytes, spec, count, where, request);
  return { shape, bytes };
}

/** As messages call a datatype. */
function protocolName(datatype: string): string {
  return isDatatype(datatype) || datatype === 'BF16' ? datatype : '<invalid>';
}

function checkBytes(bytes: Uint8Array, spec: TensorSpec, count: number, where: string, request: InferRequest): void {
  if (spec.datatype === 'BYTES') return checkByteStrings(bytes, count, where, request);
  const expected = count * elementSize(spec.datatype);
  if (bytes.byteLength !== expected) {
    throw invalid(
      `${logged(request)}input byte size mismatch for input ${where}. Expected ${expected}, got ${bytes.byteLength}`,
    );
  }
  if (spec.datatype === 'BOOL' && bytes.some((value) => value > 1)) {
    throw invalid(`${logged(request)}input ${where} has a BOOL that is neither 0 nor 1`);
  }
}

function checkByteStrings(bytes: Uint8Array, count: number, where: string, request: InferRequest): void {
  const fault = faultOfByteStrings(bytes, count);
  if (fault === undefined) return;
  const prefix = logged(request);
  switch (fault.kind) {
    case 'length-cut':
      throw invalid(
        `${prefix}incomplete string length indicator for inference input ${where}, expecting 4 bytes but only ${fault.left} bytes available. Please make sure the string length indicator is in one buffer.`,
      );
    case 'data-cut':
      throw invalid(
        `${prefix}incomplete string data for inference input ${where}, expecting string of length ${fault.expected} but only ${fault.left} bytes available`,
      );
    case 'count':
      throw invalid(
        fault.found > count
          ? `${prefix}unexpected number of string elements ${count + 1} for inference input ${where}, expecting ${count}`
          : `${prefix}expected ${count} string elements for inference input ${where}, got ${fault.found}`,
      );
    case 'nul':
      throw invalid(
        `${prefix}string element ${fault.index} of inference input ${where} holds a NUL character, at which the runtime would cut it off`,
      );
    case 'not-utf8':
      throw invalid(`${prefix}string element ${fault.index} of inference input ${where} is not UTF-8`);
  }
}

function unspecified(model: ServedModel, request: InferRequest, input: string, shape: readonly number[]): RelearnError {
  return invalid(
    `${logged(request)}All input dimensions should be specified for input '${input}' for model '${model.name}', got [${shape}]`,
  );
}

function logged({ id }: InferRequest): string {
  return `[request id: ${id === '' ? '<id_unknown>' : id}] `;
}

function invalid(message: string): RelearnError {
  return new RelearnError('INVALID_INPUT', message);
}
