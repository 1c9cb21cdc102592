import { type ErrorPlace, RelearnError } from '@relearn/kernel';
import { type Line, type SpooledLine, type SpooledTensor, withValues } from './spooled-line.js';

/** A tensor in a file: its bytes in base64. */
interface WrittenTensor extends Omit<SpooledTensor, 'bytes'> {
  readonly bytes: string;
}

/** A line of the spool's files, with its end. */
export function encodeLine(line: SpooledLine): string {
  return `${JSON.stringify(withValues(line, (tensors) => tensors.map(writtenOf)))}\n`;
}

/** Null for what is no JSON: bytes that a crash or a disk has spoiled. Throws CORRUPT for what another version has written. */
export function decodeLine(text: string, place: ErrorPlace): SpooledLine | null {
  const line = jsonIn(text) as Line<readonly WrittenTensor[]> | null;
  if (line === null) return null;
  if (!Array.isArray(line.inputs) || !Array.isArray(line.outputs)) {
    throw new RelearnError('CORRUPT', 'a line of the prediction spool is of another version', {
      place,
      remedy: 'Let the version that wrote it ship what it has, or move the spool folder away.',
    });
  }
  return withValues(line, (tensors) => tensors.map(tensorOf));
}

function writtenOf({ name, datatype, shape, bytes }: SpooledTensor): WrittenTensor {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  return { name, datatype, shape, bytes: text };
}

function tensorOf({ name, datatype, shape, bytes }: WrittenTensor): SpooledTensor {
  return { name, datatype, shape, bytes: Buffer.from(bytes, 'base64') };
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
