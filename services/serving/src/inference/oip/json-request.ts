import { isDatatype } from '@relearn/onnx';
import { RelearnError } from '@relearn/kernel';
import type { Parameter } from '../prediction-record.js';
import { refusals } from '../refusals.js';
import { booleanOf, countOf, type Field, fail, fieldOf, listOf, objectOf, textOf } from './json-fields.js';
import { type JsonObject, type JsonValue, parseJson } from './json-text.js';
import type { InferRequest, Parameters, RequestTensor, TensorData } from './request.js';

const mostTensors = 10_000;
const mostDimensions = 64;

export interface Named {
  readonly model: string;
  /** Empty: the version in force. */
  readonly version: string;
}

/** A request over REST with how its outputs are to come back. */
export interface JsonRequest {
  readonly request: InferRequest;
  readonly isBinary: (output: string) => boolean;
}

/**
 * The request in a body: `headerLength` bytes of JSON, then the tensors whose size the JSON names, in its order. Throws
 * INVALID_INPUT naming the place that is not as it should be.
 */
export function parseInferRequest(body: Uint8Array, headerLength: number, named: Named): JsonRequest {
  const root = parseJson(body.subarray(0, headerLength));
  if (!(root instanceof Map)) throw invalid('failed to parse the request JSON: it is not an object');
  const id = root.has('id') ? textOf(fieldOf(root, '', 'id')) : '';
  const parameters = parametersOf(fieldOf(root, '', 'parameters'));
  const tail = new Tail(body.subarray(headerLength), named.model);
  const inputs = listOf(fieldOf(root, '', 'inputs'), mostTensors).map((input, index) =>
    inputOf(elementOf(input, `inputs[${index}]`), tail),
  );
  tail.end();
  const outputs = root.has('outputs') ? listOf(fieldOf(root, '', 'outputs'), mostTensors) : [];
  const wanted = outputs.map((output, index) => outputOf(elementOf(output, `outputs[${index}]`)));
  const forms = new Map(wanted.map(({ name, binary }) => [name, binary]));
  const classes = wanted.flatMap(({ name, classes }) => (classes > 0 ? [[name, classes] as const] : []));
  const otherwise = parameters['binary_data_output'] === true;
  return {
    request: {
      modelName: named.model,
      modelVersion: named.version,
      id,
      parameters,
      inputs,
      outputs: wanted.map(({ name }) => name),
      ...(classes.length === 0 ? {} : { classes: new Map(classes) }),
      bothKinds: undefined,
      surplusRaw: false,
    },
    isBinary: (output) => forms.get(output) ?? otherwise,
  };
}

interface Element {
  readonly object: JsonObject;
  readonly place: string;
}

function elementOf(value: JsonValue, place: string): Element {
  const name = place.slice(0, place.indexOf('['));
  return { object: objectOf({ name, place, value }), place };
}

/** What follows the JSON. */
class Tail {
  private readonly bytes: Uint8Array;
  private readonly model: string;
  private taken = 0;

  constructor(bytes: Uint8Array, model: string) {
    this.bytes = bytes;
    this.model = model;
  }

  take(size: number, input: string): Uint8Array {
    const left = this.bytes.byteLength - this.taken;
    if (size > left) {
      throw invalid(
        `unexpected size for input '${input}', expecting ${size - left} additional bytes for model '${this.model}'`,
      );
    }
    this.taken += size;
    return this.bytes.subarray(this.taken - size, this.taken);
  }

  end(): void {
    if (this.taken === this.bytes.byteLength) return;
    throw invalid(`unexpected additional input data for model '${this.model}'`);
  }
}

function inputOf(element: Element, tail: Tail): RequestTensor {
  const { object, place } = element;
  const data = fieldOf(object, place, 'data');
  const given = sourceOf(data, innerParameters(element));
  const name = textOf(fieldOf(object, place, 'name'));
  const datatype = textOf(fieldOf(object, place, 'datatype'));
  const shape = listOf(fieldOf(object, place, 'shape'), mostDimensions).map((value, axis) =>
    sizeOf({ name: 'shape', place: `${place}.shape[${axis}]`, value }),
  );
  return { name, datatype, shape, data: dataOf(given, name, datatype, tail) };
}

/** The one field that says where an input's values are. */
function sourceOf(data: Field, parameters: JsonObject): Field {
  const inner = `${data.place.slice(0, -'data'.length)}parameters`;
  const fields = [
    data,
    fieldOf(parameters, inner, 'binary_data_size'),
    fieldOf(parameters, inner, 'shared_memory_region'),
  ];
  const set = fields.filter(({ value }) => value !== undefined);
  const [field] = set;
  if (field !== undefined && set.length === 1) return field;
  const names = set.map(({ name }) => ` '${name}'`).join('');
  throw invalid(
    `Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters', 'shared_memory_region' in 'parameters'. But${set.length === 0 ? ' no field is set' : ` set${names}`} (${data.place.slice(0, -'.data'.length)})`,
  );
}

function dataOf(given: Field, name: string, datatype: string, tail: Tail): TensorData {
  if (given.name === 'binary_data_size') return { kind: 'raw', bytes: tail.take(countOf(given), name) };
  if (given.name === 'shared_memory_region') throw refusals.noRegion('', textOf(given));
  if (datatype === 'FP16' || datatype === 'BF16') {
    throw invalid(
      `receiving ${datatype} data via JSON is not supported. Please use the binary data format for input ${name}`,
    );
  }
  if (!isDatatype(datatype)) throw invalid(`invalid datatype for input ${name}`);
  return { kind: 'json', data: listOf(given, Number.POSITIVE_INFINITY) };
}

/** Negative sizes are the model's to refuse. */
function sizeOf(field: Field): number {
  const { value } = field;
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' && Number.isInteger(value) ? value : fail(field, 'unsigned-integer');
}

interface WantedOutput {
  readonly name: string;
  readonly binary: boolean;
  /** How many of its greatest values; 0: all as they are. */
  readonly classes: number;
}

function outputOf(element: Element): WantedOutput {
  const { object, place } = element;
  const parameters = innerParameters(element);
  const inner = (name: string) => fieldOf(parameters, `${place}.parameters`, name);
  if (parameters.has('shared_memory_region')) throw refusals.noRegion('', textOf(inner('shared_memory_region')));
  return {
    name: textOf(fieldOf(object, place, 'name')),
    binary: parameters.has('binary_data') && booleanOf(inner('binary_data')),
    classes: parameters.has('classification') ? countOf(inner('classification')) : 0,
  };
}

function innerParameters({ object, place }: Element): JsonObject {
  const field = fieldOf(object, place, 'parameters');
  return field.value === undefined ? new Map() : objectOf(field);
}

/** Parameters whose kind the protocol fixes. */
const kinds: Readonly<Record<string, (field: Field) => unknown>> = {
  sequence_id: (field) => (typeof field.value === 'string' ? field.value : countOf(field)),
  sequence_start: booleanOf,
  sequence_end: booleanOf,
  binary_data_output: booleanOf,
  priority: countOf,
  timeout: countOf,
};

function parametersOf(field: Field): Parameters {
  if (field.value === undefined) return {};
  const parameters: Record<string, Parameter> = {};
  for (const [name, value] of objectOf(field)) {
    if (name.startsWith('triton_')) {
      throw invalid(
        "parameter keys starting with 'triton_' are reserved for Triton usage and should not be specified.",
      );
    }
    if (Object.hasOwn(kinds, name)) kinds[name]?.({ name, place: `${field.place}.${name}`, value });
    if (!isParameter(value)) {
      throw invalid(`parameter '${name}' has invalid type. It should be either 'int', 'bool', or 'string'.`);
    }
    if (name !== '__proto__') parameters[name] = value;
  }
  return parameters;
}

function isParameter(value: JsonValue): value is Parameter {
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value || BigInt.asUintN(64, value) === value;
  return typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string';
}

function invalid(message: string): RelearnError {
  return new RelearnError('INVALID_INPUT', message);
}
