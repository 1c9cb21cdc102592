import { RelearnError } from '@relearn/kernel';
import type { ServedModel } from '../catalogue.js';
import type { Parameter } from '../prediction-record.js';
import type { TensorSpec } from '../tensors.js';
import {
  faultOfClasses,
  faultOfParameter,
  faultOfRegion,
  type ParameterChoice,
  type ParameterEntry,
} from './parameter-faults.js';
import type { InferRequest, InferResponse, RequestTensor, TensorData } from './request.js';
import { exact, longestVarint, varintLength, WireReader, WireWriter } from './wire.js';

// ModelInferRequest and ModelInferResponse by hand: the loader's decoder takes 10 ms for 600 kB of typed floats before
// anybody could refuse them, and builds objects that nobody reads.

/** Tensors, outputs, parameters and dimensions of one request; more is not a request but an attack. */
const mostEntries = 10_000;

interface WireTensor {
  name: string;
  datatype: string;
  shape: number[];
  contents: Buffer | undefined;
  fault: RelearnError | undefined;
}

interface WireOutput {
  name: string;
  /** How many of its greatest values; undefined: all as they are. */
  classes: number | undefined;
  fault: RelearnError | undefined;
}

/** Throws INVALID_INPUT for bytes that are no ModelInferRequest. */
export function decodeInferRequest(bytes: Uint8Array): InferRequest {
  const reader = WireReader.over(bytes);
  let modelName = '';
  let modelVersion = '';
  let id = '';
  const parameters: Record<string, Parameter> = {};
  const tensors: WireTensor[] = [];
  const outputs: WireOutput[] = [];
  let fault: RelearnError | undefined;
  const raw: Buffer[] = [];
  for (let entries = 0; reader.next(); entries++) {
    if (entries > mostEntries) throw new RelearnError('INVALID_INPUT', `more than ${mostEntries} entries in a request`);
    if (reader.field === 1) modelName = reader.text();
    else if (reader.field === 2) modelVersion = reader.text();
    else if (reader.field === 3) id = reader.text();
    else if (reader.field === 4) {
      const entry = decodeEntry(reader.inner());
      fault ??= faultOfParameter(entry);
      if (entry.value !== undefined && entry.key !== '__proto__') parameters[entry.key] = entry.value;
    } else if (reader.field === 5) {
      const tensor = decodeTensor(reader.inner());
      fault ??= tensor.fault;
      tensors.push(tensor);
    } else if (reader.field === 6) {
      const output = decodeOutput(reader.inner());
      fault ??= output.fault;
      outputs.push(output);
    } else if (reader.field === 7) raw.push(reader.bytes());
    else reader.skip();
  }
  const inputs = tensors.map((tensor, index) => tensorOf(tensor, raw[index]));
  const both = raw.length > 0 ? tensors.find(({ contents }) => contents !== undefined) : undefined;
  const classes = outputs.flatMap(({ name, classes }) => (classes === undefined ? [] : [[name, classes] as const]));
  return {
    modelName,
    modelVersion,
    id,
    parameters,
    inputs,
    outputs: outputs.map(({ name }) => name),
    bothKinds: both?.name,
    surplusRaw: raw.length > tensors.length,
    fault,
    ...(classes.length === 0 ? {} : { classes: new Map(classes) }),
  };
}

function tensorOf({ name, datatype, shape, contents }: WireTensor, raw: Buffer | undefined): RequestTensor {
  return { name, datatype, shape, data: dataOf(raw, contents) };
}

function dataOf(raw: Buffer | undefined, contents: Buffer | undefined): TensorData {
  if (raw !== undefined) return { kind: 'raw', bytes: raw };
  return contents === undefined ? { kind: 'none' } : { kind: 'typed', contents };
}

function decodeTensor(reader: WireReader): WireTensor {
  const tensor: WireTensor = { name: '', datatype: '', shape: [], contents: undefined, fault: undefined };
  while (reader.next()) {
    if (reader.field === 1) tensor.name = reader.text();
    else if (reader.field === 2) tensor.datatype = reader.text();
    else if (reader.field === 3) addSizes(tensor.shape, reader);
    else if (reader.field === 4) {
      const entry = decodeEntry(reader.inner());
      tensor.fault ??= faultOfRegion(entry);
    } else if (reader.field === 5) {
      const part = reader.bytes();
      // Parts of one message given twice are one message: protobuf's merging.
      tensor.contents = tensor.contents === undefined ? part : Buffer.concat([tensor.contents, part]);
    } else reader.skip();
  }
  return tensor;
}

function addSizes(shape: number[], reader: WireReader): void {
  if (reader.wireType === 0) shape.push(Number(reader.signed()));
  else {
    const packed = reader.inner();
    while (!packed.atEnd && shape.length <= mostEntries) shape.push(Number(packed.signed()));
  }
  if (shape.length > mostEntries) throw new RelearnError('INVALID_INPUT', `more than ${mostEntries} dimensions`);
}

function decodeOutput(reader: WireReader): WireOutput {
  const output: WireOutput = { name: '', classes: undefined, fault: undefined };
  while (reader.next()) {
    if (reader.field === 1) output.name = reader.text();
    else if (reader.field === 2) {
      const entry = decodeEntry(reader.inner());
      output.fault ??= faultOfRegion(entry) ?? faultOfClasses(entry);
      if (entry.key === 'classification') output.classes = Number(entry.value);
    } else reader.skip();
  }
  return output;
}

function decodeEntry(reader: WireReader): ParameterEntry {
  let key = '';
  let choice: ParameterChoice = { kind: undefined, value: undefined };
  while (reader.next()) {
    if (reader.field === 1) key = reader.text();
    else if (reader.field === 2) choice = decodeParameter(reader.inner());
    else reader.skip();
  }
  return { key, ...choice };
}

function decodeParameter(reader: WireReader): ParameterChoice {
  let choice: ParameterChoice = { kind: undefined, value: undefined };
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === 0) choice = { kind: 'bool', value: reader.unsigned() !== 0 };
    else if (reader.field === 2 && reader.wireType === 0) choice = { kind: 'int64', value: reader.signed() };
    else if (reader.field === 3) choice = { kind: 'string', value: reader.text() };
    else if (reader.field === 4 && reader.wireType === 1) choice = { kind: 'double', value: reader.double() };
    else if (reader.field === 5 && reader.wireType === 0) {
      choice = { kind: 'uint64', value: exact(reader.unsigned64()) };
    } else reader.skip();
  }
  return choice;
}

interface Prepared {
  /** Fields 1 and 2 of the response. */
  readonly head: Buffer;
  /** Fields 1 and 2 of each output's message. */
  readonly outputs: ReadonlyMap<TensorSpec, Buffer>;
}

const prepared = new WeakMap<ServedModel, Prepared>();

/** The same for every answer of a version. */
function preparedOf(model: ServedModel): Prepared {
  const there = prepared.get(model);
  if (there !== undefined) return there;
  const made = {
    head: twoTexts(model.name, model.version),
    outputs: new Map(model.signature.outputs.map((spec) => [spec, twoTexts(spec.name, spec.datatype)])),
  };
  prepared.set(model, made);
  return made;
}

function twoTexts(first: string, second: string | Buffer): Buffer {
  const [one, two] = [Buffer.from(first), typeof second === 'string' ? Buffer.from(second) : second];
  const writer = new WireWriter(one.length + two.length + 4 * longestVarint);
  return Buffer.from(writer.bytes(1, one).bytes(2, two).finish());
}

/** The parameter that names the arm: an entry of field 4, its value a `string_param`. */
const armParameters = { champion: armParameter('champion'), challenger: armParameter('challenger') };

function armParameter(arm: string): Buffer {
  const text = Buffer.from(arm);
  const value = new WireWriter(text.length + 2 * longestVarint).bytes(3, text).finish();
  return twoTexts('arm', value);
}

/** In a stream: the request has no further response. The entry's value is a `bool_param`. */
const finalParameter = twoTexts('triton_final_response', Buffer.from([1 << 3, 1]));

/** Values always go out raw. */
export function encodeInferResponse(response: InferResponse): Buffer {
  return encodeResponse(response, []);
}

/** A response of a stream: with the error's message where the request failed. */
export type StreamResponse = InferResponse | { readonly id: string; readonly error: RelearnError };

export function encodeStreamResponse(response: StreamResponse): Buffer {
  if (!('error' in response)) {
    const inner = encodeResponse(response, [finalParameter]);
    return new WireWriter(inner.length + 2 * longestVarint).bytes(2, inner).finish();
  }
  const [text, id] = [Buffer.from(response.error.message), Buffer.from(response.id)];
  const inner = new WireWriter(id.length + finalParameter.length + 4 * longestVarint);
  if (id.length > 0) inner.bytes(3, id);
  const body = inner.bytes(4, finalParameter).finish();
  return new WireWriter(text.length + body.length + 4 * longestVarint).bytes(1, text).bytes(2, body).finish();
}

function encodeResponse({ model, id, arm, outputs }: InferResponse, more: readonly Buffer[]): Buffer {
  const { head, outputs: heads } = preparedOf(model);
  const idBytes = id === '' ? nothing : Buffer.from(id);
  const parameters = arm === undefined ? more : [armParameters[arm], ...more];
  const headOf = (spec: TensorSpec) => heads.get(spec) ?? twoTexts(spec.name, spec.datatype);
  let size = head.length + idBytes.length + 2 * longestVarint;
  for (const parameter of parameters) size += parameter.length + 2 * longestVarint;
  for (const { spec, tensor } of outputs) {
    size += headOf(spec).length + 10 * tensor.shape.length + tensor.bytes.byteLength + 6 * longestVarint;
  }
  const writer = new WireWriter(size).raw(head);
  if (idBytes.length > 0) writer.bytes(3, idBytes);
  for (const parameter of parameters) writer.bytes(4, parameter);
  for (const { spec, tensor } of outputs) writeOutput(writer, headOf(spec), tensor.shape);
  for (const { tensor } of outputs) writer.bytes(6, tensor.bytes);
  return writer.finish();
}

const nothing = Buffer.alloc(0);

/** Field 5, in it the shape as a packed field 3. */
function writeOutput(writer: WireWriter, head: Buffer, shape: readonly number[]): void {
  let packed = 0;
  for (const size of shape) packed += varintLength(size);
  writer.varint(5 * 8 + 2).varint(head.length + 1 + varintLength(packed) + packed);
  writer
    .raw(head)
    .varint(3 * 8 + 2)
    .varint(packed);
  for (const size of shape) writer.varint(size);
}
