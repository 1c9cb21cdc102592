import { RelearnError } from '@relearn/kernel';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type CallScope, type DataPlane, keyHeader } from '../inference/oip/data-plane.js';
import { binaryOnly, encodeInferResponse } from '../inference/oip/json-response.js';
import { type JsonRequest, type Named, parseInferRequest } from '../inference/oip/json-request.js';
import { requestOfRawBody } from '../inference/oip/raw-body.js';
import type { Handler } from './rest-answer.js';
import { type Bodies, deflated } from './rest-body.js';

/** The greatest JSON, in bytes: parsing it holds up everybody else. Tensors beyond that come in binary. */
const mostJsonBytes = 8 << 20;

const lengthHeader = 'inference-header-content-length';

/** Answers a request for predictions. */
export function inferWith(plane: DataPlane, bodies: Bodies): Handler {
  return (request, reply) =>
    bodies.use(request.raw, async (body) => {
      const { request: inference, isBinary } = requestIn(body, request, plane);
      const answer = encodeInferResponse(await plane.infer(inference, scopeOf(request, reply)), isBinary);
      const accepted = request.headers['accept-encoding'];
      const sent = await deflated(answer.body, typeof accepted === 'string' ? accepted : undefined);
      if (sent.coding !== undefined) void reply.header('content-encoding', sent.coding);
      if (answer.headerLength !== undefined) void reply.header(lengthHeader, String(answer.headerLength));
      return reply
        .type(answer.headerLength === undefined ? 'application/json' : 'application/octet-stream')
        .send(sent.body);
    });
}

/** The model is looked up first: whoever asks for an unknown one is told so, whatever the body is. */
function requestIn(body: Buffer, request: FastifyRequest, plane: DataPlane): JsonRequest {
  const named = namedIn(request);
  const { signature, batchable: batches } = plane.model(named.model, named.version);
  const { inputs, outputs } = signature;
  const headerLength = headerLengthOf(request, body.byteLength);
  if (headerLength === 0 && request.headers[lengthHeader] !== undefined) {
    return { request: requestOfRawBody(body, { inputs, batches }, named), isBinary: () => true };
  }
  if (headerLength > mostJsonBytes) {
    throw new RelearnError(
      'TOO_LARGE',
      `the request JSON has ${headerLength} bytes, more than ${mostJsonBytes}: send tensors in binary`,
    );
  }
  const parsed = parseInferRequest(body, headerLength, named);
  const { outputs: wanted, classes } = parsed.request;
  const unsendable = outputs.find(
    ({ name, datatype }) =>
      datatype === 'FP16' &&
      (wanted.length === 0 || wanted.includes(name)) &&
      !parsed.isBinary(name) &&
      classes?.has(name) !== true,
  );
  // Before it is run, and logged as answered.
  if (unsendable !== undefined) throw binaryOnly(unsendable.datatype);
  return parsed;
}

/** Bytes of JSON at the body's begin: all of it without the header. */
function headerLengthOf(request: FastifyRequest, length: number): number {
  const header = request.headers[lengthHeader];
  if (header === undefined) return length;
  const given = /^\d{1,15}$/.test(String(header)) ? Number(header) : Number.NaN;
  if (given <= length) return given;
  throw new RelearnError(
    'INVALID_INPUT',
    Number.isNaN(given)
      ? `Unable to parse Inference-Header-Content-Length, got: ${String(header)}`
      : `inference header size should be in range (0, ${length}), got: ${given}`,
  );
}

export function namedIn(request: FastifyRequest): Named {
  const { model, version = '' } = request.params as { model: string; version?: string };
  return { model, version };
}

function scopeOf(request: FastifyRequest, reply: FastifyReply): CallScope {
  const key = request.headers[keyHeader];
  return {
    deadline: Number.POSITIVE_INFINITY,
    metadata: typeof key === 'string' ? { [keyHeader]: key } : {},
    get cancelled() {
      return reply.raw.destroyed;
    },
  };
}
