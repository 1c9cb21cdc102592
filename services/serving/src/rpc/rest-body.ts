import { promisify } from 'node:util';
import { deflate, gunzip, gzip, inflate, type ZlibOptions } from 'node:zlib';
import { RelearnError } from '@relearn/kernel';
import type { FastifyRequest } from 'fastify';

/** The greatest body as sent, in bytes. */
export const mostBodyBytes = 128 << 20;
/** The greatest once it is inflated: a small body may say that it is a huge one. */
const mostInflatedBytes = 64 << 20;

/** Bodies that are in memory at once, in bytes; beyond that requests are refused until some have been answered. */
const mostHeldBytes = 512 << 20;

type Coding = 'gzip' | 'deflate';

const inflaters = {
  gzip: promisify<Buffer, ZlibOptions, Buffer>(gunzip),
  deflate: promisify<Buffer, ZlibOptions, Buffer>(inflate),
};
const deflaters = { gzip: promisify<Buffer, Buffer>(gzip), deflate: promisify<Buffer, Buffer>(deflate) };

/** Reads bodies as long as there is room for them. */
export class Bodies {
  private held = 0;

  /**
   * Works on the whole body, inflated, and keeps its room until then. Throws TOO_LARGE for a larger one, UNAVAILABLE
   * where there is no room, UNIMPLEMENTED for another coding, INVALID_INPUT for bytes that are not what the coding says,
   * CANCELLED when the caller goes away, and what the work throws.
   */
  async use<T>(message: FastifyRequest['raw'], work: (body: Buffer) => Promise<T>): Promise<T> {
    const hold: Hold = { bytes: 0 };
    try {
      return await work(await this.read(message, hold));
    } finally {
      this.held -= hold.bytes;
    }
  }

  private async read(message: FastifyRequest['raw'], hold: Hold): Promise<Buffer> {
    const coding = codingOf(message.headers['content-encoding']);
    const body = await this.collect(message, hold);
    if (coding === undefined) return body;
    const inflated = await this.inflate(body, coding);
    this.keep(hold, inflated.byteLength);
    return inflated;
  }

  private collect(message: FastifyRequest['raw'], hold: Hold): Promise<Buffer> {
    if (Number(message.headers['content-length'] ?? 0) > mostBodyBytes) return Promise.reject(tooLarge());
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      const stop = (error: RelearnError) => {
        message.off('data', take).off('end', end).off('error', gone);
        // What still comes is thrown away: a connection that is cut would take the answer with it.
        message.on('error', () => undefined).resume();
        reject(error);
      };
      const take = (chunk: Buffer) => {
        if (hold.bytes + chunk.byteLength > mostBodyBytes) return stop(tooLarge());
        if (this.held + chunk.byteLength > mostHeldBytes) return stop(noRoom());
        this.keep(hold, chunk.byteLength);
        chunks.push(chunk);
      };
      const end = () => resolve(Buffer.concat(chunks));
      const gone = () => stop(new RelearnError('CANCELLED', 'the caller went away before the end of its request'));
      message.on('data', take).on('end', end).on('error', gone);
    });
  }

  private async inflate(body: Buffer, coding: Coding): Promise<Buffer> {
    try {
      return await inflaters[coding](body, { maxOutputLength: mostInflatedBytes });
    } catch (thrown) {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_BUFFER_TOO_LARGE')
        throw tooLarge(mostInflatedBytes, 'inflated');
      const { message } = RelearnError.from(thrown);
      throw new RelearnError('INVALID_INPUT', `unable to decompress the ${coding} request body: ${message}`, {
        cause: thrown,
      });
    }
  }

  private keep(hold: Hold, bytes: number): void {
    hold.bytes += bytes;
    this.held += bytes;
  }
}

/** A body's share of the room. */
interface Hold {
  bytes: number;
}

/** Compresses an answer as the caller asks for it; a coding that we do not have is passed over. */
export async function deflated(body: Buffer, accepted: string | undefined): Promise<{ body: Buffer; coding?: Coding }> {
  const coding = accepted === undefined ? undefined : preferred(accepted);
  return coding === undefined ? { body } : { body: await deflaters[coding](body), coding };
}

/** The coding of the greatest weight, the first of equals; none where no coding at all is liked as well. */
function preferred(accepted: string): Coding | undefined {
  let best: { coding: string; weight: number } = { coding: 'identity', weight: 0 };
  for (const part of accepted.split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim());
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = quality === undefined ? 1 : Number(quality.slice(2));
    const coding = name.toLowerCase();
    if ((isCoding(coding) || coding === 'identity') && weight > best.weight) best = { coding, weight };
  }
  return isCoding(best.coding) ? best.coding : undefined;
}

function codingOf(header: string | undefined): Coding | undefined {
  const coding = (header ?? '').trim().toLowerCase();
  if (coding === '' || coding === 'identity') return undefined;
  if (isCoding(coding)) return coding;
  throw new RelearnError('UNIMPLEMENTED', 'Unsupported compression type', { remedy: 'Send gzip or deflate.' });
}

function isCoding(text: string): text is Coding {
  return text === 'gzip' || text === 'deflate';
}

function tooLarge(most = mostBodyBytes, how = 'as sent'): RelearnError {
  return new RelearnError('TOO_LARGE', `a request has at most ${most} bytes ${how}`);
}

function noRoom(): RelearnError {
  return new RelearnError('UNAVAILABLE', 'too many bytes of requests are being read', { retryAfterMs: 1_000 });
}
