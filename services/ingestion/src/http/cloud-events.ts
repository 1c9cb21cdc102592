import type { FastifyRequest } from 'fastify';
import type { GivenRecord } from '../domain/door.js';

export const structuredType = 'application/cloudevents+json';
export const batchType = 'application/cloudevents-batch+json';

type Headers = FastifyRequest['headers'];

/**
 * The records of a request: those of CloudEvents (cloudevents.io, HTTP protocol binding 1.0.2: structured, binary or
 * batched mode), else those of the plain JSON body. A CloudEvent without what it must have is a broken record.
 */
export function recordsOfRequest(headers: Headers, body: unknown): GivenRecord[] {
  const contentType = headers['content-type'] ?? '';
  if (contentType.startsWith(batchType)) return batched(body);
  if (contentType.startsWith(structuredType)) return [structured(body)];
  if (headers['ce-specversion'] !== undefined || headers['ce-id'] !== undefined) return [binary(headers, body)];
  return Array.isArray(body) ? body.map((values: unknown) => ({ values })) : [{ values: body }];
}

function batched(body: unknown): GivenRecord[] {
  return Array.isArray(body) ? body.map(structured) : [broken('a batch of CloudEvents is a JSON array')];
}

function structured(body: unknown): GivenRecord {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return broken('a structured CloudEvent is one JSON object');
  }
  const attributes = new Map(Object.entries(body));
  return cloudEvent((name) => attributes.get(name), attributes.get('data'));
}

function binary(headers: Headers, body: unknown): GivenRecord {
  return cloudEvent((name) => headers[`ce-${name}`], body);
}

function cloudEvent(attribute: (name: string) => unknown, values: unknown): GivenRecord {
  const textOf = (name: string) => {
    const value = attribute(name);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const missing = ['specversion', 'type', 'source', 'id'].find((name) => textOf(name) === undefined);
  if (missing !== undefined) return broken(`the CloudEvent lacks the attribute '${missing}'`);
  if (textOf('specversion') !== '1.0') return broken('only CloudEvents 1.0 are read');
  return { id: textOf('id'), source: textOf('source'), time: textOf('time'), values };
}

function broken(why: string): GivenRecord {
  return { values: null, broken: why };
}
