import type { MsgHdrs } from 'nats';
import { encodeHead, recordBytes, refuseTooLarge } from '../core/records.js';
import { maxRecordBytes, type OutgoingRecord } from '../port.js';

/** A record as it travels: header lines and the message's data. */
export interface Encoded {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly data: Uint8Array;
}

export interface Decoded {
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Uint8Array;
}

/** The server keeps 64 KiB of headers at most; ours and its own are added. */
const mostHeaderBytes = 32 * 1024;
/** What a stream takes: a record at its limit, with its headers percent-encoded. */
export const maxMessageBytes = maxRecordBytes + 64 * 1024;

const keyHeader = 'Relearn-Key';
/** Bytes at the front of the data that are key and headers as JSON: where header lines cannot hold them. */
const headHeader = 'Relearn-Head';
/** Names that the server, this adapter or the mapping of CloudEvents give a meaning. */
const reservedName = /^(nats-|relearn-|ce-)/i;

/**
 * CloudEvents' binding for NATS: attributes are headers `ce-NAME`, values are percent-encoded where they are not printable
 * ASCII, a space, a quotation mark or a percent sign. Throws TOO_LARGE.
 */
export function encodeRecord(record: OutgoingRecord): Encoded {
  const head = encodeHead(record);
  refuseTooLarge(record, recordBytes(head, record.value));
  const headers = headerLines(record);
  if (headers !== null) return { headers, data: new Uint8Array(record.value) };
  const bytes = Buffer.from(head);
  return { headers: [[headHeader, String(bytes.byteLength)]], data: Buffer.concat([bytes, record.value]) };
}

/** Null when they are too many bytes, or hold a lone half of a surrogate pair, which has no UTF-8. */
function headerLines({ key, headers }: OutgoingRecord): [string, string][] | null {
  const entries = Object.entries(headers);
  if (/\p{Surrogate}/u.test(key ?? '') || entries.some((pair) => pair.some((text) => /\p{Surrogate}/u.test(text))))
    return null;
  const lines: [string, string][] = entries.map(([name, value]) => [encodeName(name), encodeValue(value)]);
  if (key !== null) lines.push([keyHeader, encodeValue(key)]);
  let bytes = 0;
  for (const [name, value] of lines) bytes += name.length + value.length + 4;
  // A line needs a name.
  return bytes > mostHeaderBytes || entries.some(([name]) => name === '') ? null : lines;
}

function encodeName(name: string): string {
  if (name.startsWith('ce_')) return `ce-${escapeName(name.slice(3))}`;
  if (!reservedName.test(name)) return escapeName(name);
  return `%${name.charCodeAt(0).toString(16)}${escapeName(name.slice(1))}`;
}

/** What is no character of a header's name, and the percent sign itself. */
function escapeName(name: string): string {
  return name.replace(/[^\w!#$&'*+.^`|~-]+/g, (part) => percent(part));
}

function encodeValue(value: string): string {
  return value.replace(/[^\x21\x23\x24\x26-\x7e]+/g, (part) => percent(part));
}

function percent(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text)) encoded += `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;
  return encoded;
}

/** What others have put under our subject is read as far as it goes: an escape that is none stays as it is. */
export function decodeRecord(headers: MsgHdrs | undefined, data: Uint8Array): Decoded {
  const pairs: [string, string][] = [];
  let key: string | null = null;
  for (const [name, [value = '']] of headers ?? []) {
    if (name === headHeader) return decodeHead(Number(value), data);
    if (name === keyHeader) key = unescape(value);
    else if (name.startsWith('ce-')) pairs.push([`ce_${unescape(name.slice(3))}`, unescape(value)]);
    else if (!name.startsWith('Nats-')) pairs.push([unescape(name), unescape(value)]);
  }
  return { key, headers: Object.fromEntries(pairs), value: data };
}

function decodeHead(bytes: number, data: Uint8Array): Decoded {
  const [key, headers] = JSON.parse(Buffer.from(data.subarray(0, bytes)).toString()) as [
    string | null,
    Decoded['headers'],
  ];
  return { key, headers, value: data.subarray(bytes) };
}

function unescape(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Bytes of key, headers and value, as the limits of a read count them. */
export function decodedBytes({ key, headers, value }: Decoded): number {
  let bytes = value.byteLength + (key === null ? 0 : Buffer.byteLength(key));
  for (const [name, text] of Object.entries(headers)) bytes += Buffer.byteLength(name) + Buffer.byteLength(text);
  return bytes;
}
