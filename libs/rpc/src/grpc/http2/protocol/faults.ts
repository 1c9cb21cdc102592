/** Why a stream or a connection ends (RFC 9113, section 7). */
export const faults = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
} as const;

export type FaultCode = (typeof faults)[keyof typeof faults];

/** The other side broke the protocol: of one stream where it is named, of the connection otherwise. Seen on the wire alone. */
export class Http2Fault extends Error {
  readonly code: FaultCode;
  readonly streamId: number;

  constructor(code: FaultCode, message: string, streamId = 0) {
    super(message);
    this.code = code;
    this.streamId = streamId;
  }
}
