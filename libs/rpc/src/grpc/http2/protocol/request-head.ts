import { faults, Http2Fault } from './faults.js';
import type { Field } from './hpack/static-table.js';

/** What a request says before its body. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  /** All but those that begin with a colon; several of a name are joined by commas. */
  readonly fields: ReadonlyMap<string, string>;
  /** Bytes of the body, where it says so. */
  readonly contentLength: number | undefined;
}

const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const pseudo = new Set([':method', ':scheme', ':path', ':authority']);
/** What belongs to a connection of HTTP/1.1. */
const ofConnections = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

/** Throws the stream's PROTOCOL_ERROR where the request is malformed (RFC 9113, sections 8.2 and 8.3). */
export function requestHeadOf(all: readonly Field[], streamId: number): RequestHead {
  const first = new Map<string, string>();
  const fields = new Map<string, string>();
  for (const { name, value } of all) {
    if (name.startsWith(':')) {
      const known = pseudo.has(name) && !first.has(name) && fields.size === 0;
      if (!known) throw malformed(`${name} is not known, not alone, or too late`, streamId);
      first.set(name, value);
    } else {
      check(name, value, streamId);
      const earlier = fields.get(name);
      fields.set(name, earlier === undefined ? value : `${earlier}${name === 'cookie' ? '; ' : ', '}${value}`);
    }
  }
  const [method, scheme, path] = [first.get(':method'), first.get(':scheme'), first.get(':path')];
  if (!method || !scheme || !path) throw malformed(':method, :scheme or :path is missing', streamId);
  return { method, path, fields, contentLength: lengthOf(fields.get('content-length'), streamId) };
}

/** What may follow a body. Throws the stream's PROTOCOL_ERROR. */
export function checkTrailers(all: readonly Field[], streamId: number): void {
  for (const { name, value } of all) check(name, value, streamId);
}

function check(name: string, value: string, streamId: number): void {
  if (!token.test(name)) throw malformed('the name of a field is none', streamId);
  if (/[\0\r\n]|^[ \t]|[ \t]$/.test(value)) throw malformed(`the value of ${name} is none`, streamId);
  if (ofConnections.has(name) || (name === 'te' && value !== 'trailers')) {
    throw malformed(`${name} belongs to another protocol`, streamId);
  }
}

function lengthOf(text: string | undefined, streamId: number): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw malformed('content-length is no number', streamId);
  return Number(text);
}

function malformed(message: string, streamId: number): Http2Fault {
  return new Http2Fault(faults.protocol, message, streamId);
}
