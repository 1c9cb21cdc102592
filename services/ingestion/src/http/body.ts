import { promisify } from 'node:util';
import { gunzip, inflate, type ZlibOptions } from 'node:zlib';
import { RelearnError } from '@relearn/kernel';

const inflaters: Readonly<Record<string, (bytes: Buffer, options: ZlibOptions) => Promise<Buffer>>> = {
  gzip: promisify<Buffer, ZlibOptions, Buffer>(gunzip),
  deflate: promisify<Buffer, ZlibOptions, Buffer>(inflate),
};
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The JSON of a request's body. Throws INVALID_EVENT for what is none, INVALID_INPUT for an encoding that is not known, TOO_LARGE
 * for a body that is larger than `mostBytes` once it is inflated.
 */
export async function jsonOf(body: Buffer, encoding: string | undefined, mostBytes: number): Promise<unknown> {
  const bytes = await inflated(body, (encoding ?? 'identity').trim().toLowerCase(), mostBytes);
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (thrown) {
    throw new RelearnError('INVALID_EVENT', 'the body is not UTF-8', { cause: thrown });
  }
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new RelearnError('INVALID_EVENT', 'the body is not JSON', { cause: thrown });
  }
}

async function inflated(body: Buffer, encoding: string, mostBytes: number): Promise<Buffer> {
  if (encoding === 'identity' || encoding === '') return body;
  const inflater = Object.hasOwn(inflaters, encoding) ? inflaters[encoding] : undefined;
  if (inflater === undefined) {
    throw new RelearnError('INVALID_INPUT', `the content encoding '${encoding}' is not read here`, {
      remedy: 'Send gzip, deflate or none.',
    });
  }
  try {
    return await inflater(body, { maxOutputLength: mostBytes });
  } catch (thrown) {
    if (thrown instanceof RangeError) {
      throw new RelearnError('TOO_LARGE', `a request has at most ${mostBytes} bytes, inflated`, { cause: thrown });
    }
    throw new RelearnError('INVALID_INPUT', `the body is not ${encoding}`, { cause: thrown });
  }
}
