export { Http2Connection } from './connection.js';
export type { FieldList } from './hpack/encoder.js';
export type { RequestHead } from './request-head.js';
export type { Http2Stream, Responder } from './stream.js';
