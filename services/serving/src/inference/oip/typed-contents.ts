import { type Datatype, elementSize, typedView } from '@relearn/onnx';
import { RelearnError } from '@relearn/kernel';
import { WireReader } from './wire.js';

/** Bytes of typed contents that a request may carry: decoding them costs a thousand times more than raw ones. */
export const mostTypedBytes = 1 << 20;

interface Field {
  /** As error messages call it. */
  readonly datatype: Datatype;
  /** What the field may be read as. */
  readonly takes: readonly Datatype[];
  readonly width: 0 | 4 | 8;
}

/** InferTensorContents by field number. */
const fields: Readonly<Record<number, Field>> = {
  1: { datatype: 'BOOL', takes: ['BOOL'], width: 0 },
  2: { datatype: 'INT32', takes: ['INT8', 'INT16', 'INT32'], width: 0 },
  3: { datatype: 'INT64', takes: ['INT64'], width: 0 },
  4: { datatype: 'UINT32', takes: ['UINT8', 'UINT16', 'UINT32'], width: 0 },
  5: { datatype: 'UINT64', takes: ['UINT64'], width: 0 },
  6: { datatype: 'FP32', takes: ['FP32'], width: 4 },
  7: { datatype: 'FP64', takes: ['FP64'], width: 8 },
  8: { datatype: 'BYTES', takes: ['BYTES'], width: 0 },
};

/**
 * The raw form of an encoded InferTensorContents; empty where it holds no value. `datatype` is what the request says,
 * `where` the `'input' for model 'name'` of messages. Throws INVALID_INPUT for contents of another datatype.
 */
export function rawOfContents(contents: Uint8Array, datatype: string, where: string): Uint8Array {
  const reader = WireReader.over(contents);
  const values: (number | bigint)[] = [];
  // An entry takes at least two bytes here and becomes a length of four.
  const texts = Buffer.allocUnsafe(datatype === 'BYTES' ? 2 * contents.byteLength : 0);
  let written = 0;
  let used: number | undefined;
  while (reader.next()) {
    const field = fields[reader.field];
    if (field === undefined) {
      reader.skip();
      continue;
    }
    const piece = reader.wireType === 2 ? reader.bytes() : undefined;
    if (piece?.length === 0 && reader.field !== 8) continue;
    if (used !== undefined && used !== reader.field) {
      throw refused(where, `, binary data was already supplied.`);
    }
    if (!field.takes.some((taken) => taken === datatype)) {
      throw refused(where, ` of type '${field.datatype}', expected datatype '${datatype}'`);
    }
    used = reader.field;
    if (reader.field === 8) {
      reader.expect(2);
      const text = piece ?? Buffer.alloc(0);
      texts.writeUInt32LE(text.length, written);
      texts.set(text, written + 4);
      written += 4 + text.length;
    } else if (piece === undefined) values.push(valueOf(reader, field));
    else unpackInto(values, piece, field);
  }
  if (used === undefined) return new Uint8Array();
  if (datatype === 'BYTES') return texts.subarray(0, written);
  const read = fields[used]?.takes.find((taken) => taken === datatype);
  if (read === undefined || read === 'BYTES')
    throw new RelearnError('INTERNAL', `contents of no datatype: ${datatype}`);
  return rawOfValues(values, read, where);
}

function unpackInto(values: (number | bigint)[], piece: Buffer, field: Field): void {
  const reader = WireReader.over(piece);
  while (!reader.atEnd) values.push(valueOf(reader, field));
}

function valueOf(reader: WireReader, field: Field): number | bigint {
  if (field.width === 4) return reader.float();
  if (field.width === 8) return reader.double();
  if (field.datatype === 'BOOL') return reader.unsigned64() === 0n ? 0 : 1;
  return field.datatype === 'UINT64' ? reader.unsigned64() : reader.signed();
}

const ranges: Partial<Record<Datatype, readonly [number, number]>> = {
  BOOL: [0, 1],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-(2 ** 31), 2 ** 31 - 1],
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 2 ** 32 - 1],
};

/** Values as raw bytes. Throws INVALID_INPUT for one that the datatype cannot hold. */
export function rawOfValues(
  values: readonly (number | bigint)[],
  datatype: Exclude<Datatype, 'BYTES'>,
  where: string,
): Uint8Array {
  const [least, most] = ranges[datatype] ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const buffer = new ArrayBuffer(values.length * elementSize(datatype));
  const view = typedView(datatype, buffer, 0, buffer.byteLength);
  values.forEach((value, index) => {
    if (value < least || value > most) {
      throw new RelearnError('INVALID_INPUT', `value ${value} of input tensor ${where} is no ${datatype}`);
    }
    if (view instanceof BigInt64Array || view instanceof BigUint64Array) view[index] = BigInt(value);
    else view[index] = Number(value);
  });
  return new Uint8Array(buffer);
}

function refused(where: string, rest: string): RelearnError {
  return new RelearnError('INVALID_INPUT', `unexpected explicit tensor data for input tensor ${where}${rest}`);
}
