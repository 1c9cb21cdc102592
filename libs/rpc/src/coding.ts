import { RelearnError } from '@relearn/kernel';
import type { Codec } from './port.js';

/** Encodes or throws the code that fits the side: INVALID_INPUT for a request, INTERNAL for a response. */
export function encode(
  codec: Codec<unknown>,
  message: unknown,
  side: 'request' | 'response',
  path: string,
): Uint8Array {
  try {
    return codec.encode(message);
  } catch (thrown) {
    throw codingError(thrown, side, path);
  }
}

export function decode(codec: Codec<unknown>, bytes: Uint8Array, side: 'request' | 'response', path: string): unknown {
  try {
    return codec.decode(bytes);
  } catch (thrown) {
    throw codingError(thrown, side, path);
  }
}

/** Each message of a stream as the other side reads it. */
export async function* throughCodec(
  messages: AsyncIterable<unknown>,
  codec: Codec<unknown>,
  side: 'request' | 'response',
  path: string,
): AsyncGenerator<unknown> {
  for await (const message of messages) yield decode(codec, encode(codec, message, side, path), side, path);
}

function codingError(thrown: unknown, side: 'request' | 'response', path: string): RelearnError {
  if (thrown instanceof RelearnError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  const code = side === 'request' ? 'INVALID_INPUT' : 'INTERNAL';
  return new RelearnError(code, `${path}: malformed ${side}: ${reason}`, { cause: thrown });
}
