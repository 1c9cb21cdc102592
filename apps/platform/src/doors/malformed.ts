import type { ConnectionError, FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Socket } from 'node:net';
import { refuse } from './refuse.js';

/** A path that cannot be decoded, or a part of it that is too long. */
export function refusePath(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  refuse(reply, request.url, 'INVALID_INPUT', error.message);
}

const statuses: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

/** Bytes that are no HTTP: whose they are is not known, so the error is a text, and the connection ends. */
export function refuseBytes(error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return;
  const body = JSON.stringify({ error: `malformed HTTP request: ${error.message}` });
  const head = [
    `HTTP/1.1 ${statuses[error.code] ?? '400 Bad Request'}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroySoon();
}
