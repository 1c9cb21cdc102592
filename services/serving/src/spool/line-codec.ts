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

/** Throws CORRUPT for what this version has not written. */
export function decodeLine(text: string, place: ErrorPlace): SpooledLine {
  const line = parsed(text, place) as Line<readonly WrittenTensor[]>;
  if (!Array.isArray(line?.inputs) || !Array.isArray(line.outputs)) {
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

/** Throws CORRUPT for what is no JSON. */
export function parsed(text: string, place: ErrorPlace): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new RelearnError('CORRUPT', 'the prediction spool cannot be read: this is not JSON', {
      cause: thrown,
      place,
      remedy: 'Move the spool folder away: predictions of the last moments are then missing from the log.',
    });
  }
}
