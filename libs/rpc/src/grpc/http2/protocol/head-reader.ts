import { ByteQueue } from '../byte-queue.js';
import { faults, Http2Fault } from './faults.js';
import { type Frame, flags, frameTypes, numberAt, unpadded } from './frame.js';
import { HpackDecoder } from './hpack/decoder.js';
import { checkTrailers, type RequestHead, requestHeadOf } from './request-head.js';

/** Frames that a header block may come in. */
const mostFrames = 32;

/** A header block that is whole, still packed. */
export interface HeadBlock {
  readonly streamId: number;
  readonly bytes: Buffer;
  /** Does the request end with it? */
  readonly last: boolean;
}

/** Puts header blocks together and unpacks them. */
export class HeadReader {
  private readonly mostBytes: number;
  private readonly decoder: HpackDecoder;
  /** Of a block that comes in several frames, and how many those are so far. */
  private readonly parts = new ByteQueue();
  private frames = 0;
  private begun: Frame | undefined;
  /** Most clients send the same block again and again; it means the same as long as the table does not change. */
  private lastBytes: Buffer = Buffer.alloc(0);
  private lastRequest: RequestHead | undefined;

  constructor(mostBytes: number) {
    this.mostBytes = mostBytes;
    this.decoder = new HpackDecoder(mostBytes);
  }

  /** Is a block's end still to come? */
  get open(): boolean {
    return this.begun !== undefined;
  }

  /** The block that the frame ends, if it does. Throws a connection's faults. */
  take(frame: Frame): HeadBlock | undefined {
    const begun = this.begun ?? frame;
    if (frame.type === frameTypes.continuation && (this.begun === undefined || frame.streamId !== begun.streamId)) {
      throw new Http2Fault(faults.protocol, 'CONTINUATION of no header block');
    }
    if (frame.streamId === 0) throw new Http2Fault(faults.protocol, 'HEADERS on no stream');
    const part = frame === begun ? fragmentOf(frame) : frame.payload;
    this.frames += 1;
    if (this.frames > mostFrames || this.parts.length + part.length > 2 * this.mostBytes) {
      throw new Http2Fault(faults.enhanceYourCalm, 'a header block is too large');
    }
    this.begun = begun;
    const ended = (frame.flags & flags.endHeaders) !== 0;
    if (!ended || this.frames > 1) this.parts.add(part);
    if (!ended) return undefined;
    const bytes = this.frames > 1 ? this.parts.bytes : part;
    this.parts.drop(this.parts.length);
    this.frames = 0;
    this.begun = undefined;
    return { streamId: begun.streamId, bytes, last: (begun.flags & flags.endStream) !== 0 };
  }

  /** Throws a COMPRESSION_ERROR, or the stream's PROTOCOL_ERROR. */
  request({ streamId, bytes }: HeadBlock): RequestHead {
    if (this.lastRequest !== undefined && bytes.equals(this.lastBytes)) return this.lastRequest;
    const { fields, tooMany, changed } = this.decoder.decode(bytes);
    this.lastRequest = undefined;
    if (tooMany) throw new Http2Fault(faults.enhanceYourCalm, 'more fields than allowed', streamId);
    const request = requestHeadOf(fields, streamId);
    if (!changed) {
      this.lastBytes = Buffer.from(bytes);
      this.lastRequest = request;
    }
    return request;
  }

  /** Throws a COMPRESSION_ERROR, or the stream's PROTOCOL_ERROR. */
  trailers({ streamId, bytes }: HeadBlock): void {
    this.lastRequest = undefined;
    checkTrailers(this.decoder.decode(bytes).fields, streamId);
  }
}

/** HEADERS without padding and priority. */
function fragmentOf(frame: Frame): Buffer {
  const fragment = unpadded(frame);
  if ((frame.flags & flags.priority) === 0) return fragment;
  if (fragment.length < 5) throw new Http2Fault(faults.frameSize, 'HEADERS end within their priority');
  if (numberAt(fragment, 0) === frame.streamId) {
    throw new Http2Fault(faults.protocol, 'a stream depends on itself');
  }
  return fragment.subarray(5);
}
