import type { FastifyInstance } from 'fastify';
import type { InjectOptions } from 'fastify';

export interface RestReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  readonly json: Record<string, unknown>;
}

/** A body as the binary extension has it: JSON, then the tensors. */
export function binaryBody(json: unknown, ...tensors: Uint8Array[]): { payload: Buffer; headers: object } {
  const head = Buffer.from(typeof json === 'string' ? json : JSON.stringify(json));
  return {
    payload: Buffer.concat([head, ...tensors]),
    headers: { 'inference-header-content-length': String(head.length) },
  };
}

/** The JSON of an answer is what its header says, or all of it. */
export async function call(app: FastifyInstance, options: InjectOptions): Promise<RestReply> {
  const { statusCode, headers, rawPayload } = await app.inject(options);
  const header = headers['inference-header-content-length'];
  const coded = headers['content-encoding'] !== undefined;
  const head = rawPayload.subarray(0, header === undefined ? undefined : Number(header)).toString();
  return { status: statusCode, headers, body: rawPayload, json: coded ? {} : JSON.parse(head) };
}

export function tailOf({ headers, body }: RestReply): Buffer {
  return body.subarray(Number(headers['inference-header-content-length']));
}
