import { faults, Http2Fault } from './faults.js';

const headerTableSize = 1;
const enablePush = 2;
const maxConcurrentStreams = 3;
const initialWindowSize = 4;
const maxFrameSize = 5;
const maxHeaderListSize = 6;
const bytesOfOne = 6;

/** The greatest window of a stream or connection, in bytes. */
export const greatestWindow = 2 ** 31 - 1;
/** A window before anybody says otherwise. */
export const firstWindow = 65_535;

/** What we allow the other side. */
export interface Allowance {
  readonly streams: number;
  /** Bytes that may be on their way, on one stream and on all of the connection. */
  readonly streamWindow: number;
  readonly connectionWindow: number;
  readonly frameBytes: number;
  readonly headerBytes: number;
}

/** The payload of the SETTINGS that tell of it. */
export function settingsOf({ streams, streamWindow, frameBytes, headerBytes }: Allowance): Buffer {
  const settings = [
    [maxConcurrentStreams, streams],
    [initialWindowSize, streamWindow],
    [maxFrameSize, frameBytes],
    [maxHeaderListSize, headerBytes],
  ] as const;
  const payload = Buffer.alloc(bytesOfOne * settings.length);
  settings.forEach(([id, value], index) => {
    payload.writeUInt32BE(value, payload.writeUInt16BE(id, bytesOfOne * index));
  });
  return payload;
}

/** What the other side allows us. */
export class PeerSettings {
  /** The least that it ever was: two sizes may come together, and both count (RFC 7541, section 4.2). */
  headerTableBytes = 4_096;
  streamWindow = firstWindow;
  frameBytes = 16_384;

  /** Throws FRAME_SIZE_ERROR, PROTOCOL_ERROR and FLOW_CONTROL_ERROR (RFC 9113, section 6.5.2). */
  read(payload: Buffer): void {
    if (payload.length % bytesOfOne !== 0) throw new Http2Fault(faults.frameSize, 'SETTINGS end within one');
    for (let at = 0; at < payload.length; at += bytesOfOne) {
      this.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    }
  }

  private set(id: number, value: number): void {
    if (id === headerTableSize) this.headerTableBytes = Math.min(this.headerTableBytes, value);
    else if (id === enablePush && value > 1) throw new Http2Fault(faults.protocol, 'ENABLE_PUSH is neither 0 nor 1');
    else if (id === initialWindowSize) {
      if (value > greatestWindow) throw new Http2Fault(faults.flowControl, 'INITIAL_WINDOW_SIZE is too large');
      this.streamWindow = value;
    } else if (id === maxFrameSize) {
      if (value < 16_384 || value > 16_777_215)
        throw new Http2Fault(faults.protocol, 'MAX_FRAME_SIZE is out of bounds');
      this.frameBytes = value;
    }
  }
}
