import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { createGunzip } from 'node:zlib';
import { unreadable } from '@relearn/kernel';
import { malformed } from './failure.js';

/** Small enough that the rows of one piece keep the thread for some 10 ms at most. */
const readBytes = 64 * 1024;

/** SHA-256 of the file's bytes in hex, read as a stream. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const bytes of createReadStream(path, { highWaterMark: readBytes })) hash.update(bytes);
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
  return hash.digest('hex');
}

/**
 * The text of a UTF-8 file in pieces of about 64 KiB, without its byte order mark; `.gz` is inflated.
 * `lineSoFar` tells the line that the reader has reached, for the error of bytes that are no UTF-8.
 */
export async function* readText(path: string, lineSoFar: () => number): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const bytes of openBytes(path)) {
      const text = decode(decoder, bytes as Uint8Array, path, lineSoFar);
      if (text !== '') yield text;
    }
    decode(decoder, undefined, path, lineSoFar);
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}

function openBytes(path: string): Readable {
  const file = createReadStream(path, { highWaterMark: readBytes });
  // An error of either stream destroys the last one with it, and so reaches whoever reads that.
  return path.toLowerCase().endsWith('.gz')
    ? pipeline(file, createGunzip({ chunkSize: readBytes }), () => undefined)
    : file;
}

function decode(decoder: TextDecoder, bytes: Uint8Array | undefined, path: string, lineSoFar: () => number): string {
  try {
    return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
  } catch {
    const line = lineSoFar() + linesBeforeBadByte(bytes ?? new Uint8Array());
    throw malformed(path, { line }, 'the text is not UTF-8', 'Save the file as UTF-8.');
  }
}

function linesBeforeBadByte(bytes: Uint8Array): number {
  let start = 0;
  // Up to three leading continuation bytes may end a character that began in the piece before.
  while (start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  const text = new TextDecoder().decode(bytes.subarray(start));
  const bad = text.indexOf('\ufffd');
  return text.slice(0, bad === -1 ? 0 : bad).split('\n').length - 1;
}
