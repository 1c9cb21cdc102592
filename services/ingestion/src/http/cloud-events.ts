import { RelearnError } from '@relearn/kernel';
import type { FastifyRequest } from 'fastify';
import type { GivenRecord } from '../domain/door.js';

type Headers = FastifyRequest['headers'];

/**
 * The records of a request: one of a CloudEvent (cloudevents.io, HTTP protocol binding 1.0.2: structured or binary
 * mode), else those of the plain JSON body. Throws INVALID_EVENT for a CloudEvent without what it must have.
 */
export function recordsOfRequest(headers: Headers, body: unknown): GivenRecord[] {
  if (headers['content-type']?.startsWith('application/cloudevents+json')) return [structured(body)];
  if (headers['ce-specversion'] !== undefined || headers['ce-id'] !== undefined) return [binary(headers, body)];
  return Array.isArray(body) ? body.map((values: unknown) => ({ values })) : [{ values: body }];
}

function structured(body: unknown): GivenRecord {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new RelearnError('INVALID_EVENT', 'a structured CloudEvent is one JSON object');
  }
  const attributes = new Map(Object.entries(body));
  return cloudEvent((name) => attributes.get(name), attributes.get('data'));
}

function binary(headers: Headers, body: unknown): GivenRecord {
  return cloudEvent((name) => headers[`ce-${name}`], body);
}

function cloudEvent(attribute: (name: string) => unknown, values: unknown): GivenRecord {
  const need = (name: string): string => {
    const value = attribute(name);
    if (typeof value === 'string' && value !== '') return value;
    throw new RelearnError('INVALID_EVENT', `the CloudEvent lacks the attribute '${name}'`);
  };
  if (need('specversion') !== '1.0') throw new RelearnError('INVALID_EVENT', 'only CloudEvents 1.0 are read');
  need('type');
  const time = attribute('time');
  return { id: need('id'), source: need('source'), time: typeof time === 'string' ? time : undefined, values };
}
