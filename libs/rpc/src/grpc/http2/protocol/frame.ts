import { faults, Http2Fault } from './faults.js';

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export const frameHeadBytes = 9;

/** A frame as it came in (RFC 9113, section 4.1). */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Writes the nine bytes before a frame's payload. */
export function writeFrameHead(to: Buffer, at: number, length: number, type: number, set: number, streamId: number) {
  to[at] = length >>> 16;
  to[at + 1] = length >>> 8;
  to[at + 2] = length;
  to[at + 3] = type;
  to[at + 4] = set;
  to[at + 5] = streamId >>> 24;
  to[at + 6] = streamId >>> 16;
  to[at + 7] = streamId >>> 8;
  to[at + 8] = streamId;
}

/** A number of 31 bits; the bit before it is reserved. */
export function numberAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) & 0x7fff_ffff;
}

/** The payload of DATA or HEADERS without what pads it. Throws a PROTOCOL_ERROR. */
export function unpadded({ flags: set, payload }: Frame): Buffer {
  if ((set & flags.padded) === 0) return payload;
  const padding = payload[0];
  if (padding === undefined) throw new Http2Fault(faults.frameSize, 'a padded frame is empty');
  if (padding >= payload.length) throw new Http2Fault(faults.protocol, 'a frame has more padding than payload');
  return payload.subarray(1, payload.length - padding);
}
