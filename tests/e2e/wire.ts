import { join } from 'node:path';
import {
  type ChannelCredentials,
  type ChannelOptions,
  credentials,
  loadPackageDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

/** Clients that know of the platform its .proto files and its addresses, nothing else. */

const protos = join(import.meta.dirname, '..', '..', 'proto');

type Call = (request: object, answer: (failure: ServiceError | null, response: unknown) => void) => void;
type Calls = Readonly<Record<string, Call>> & { close(): void };
type ClientOf = new (address: string, credentials: ChannelCredentials, options: ChannelOptions) => Calls;

/** Each client has a connection of its own. */
const apart = { 'grpc.use_local_subchannel_pool': 1 };

export interface GrpcClient {
  /** Rejects with the call's status. */
  call<T>(method: string, request: object): Promise<T>;
  close(): void;
}

/** A grpc-js client of `package.Service` in a file below `proto/`. */
export function grpcClient(address: string, file: string, service: string): GrpcClient {
  const definition = loadSync(file, {
    includeDirs: [protos],
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  let found: unknown = loadPackageDefinition(definition);
  for (const name of service.split('.')) found = (found as Record<string, unknown>)[name];
  // proto-loader makes the constructor at run time.
  const client = new (found as ClientOf)(address, credentials.createInsecure(), apart);
  return {
    call: <T>(method: string, request: object) =>
      new Promise<T>((resolve, reject) => {
        client[method]?.(request, (failure, response) => (failure === null ? resolve(response as T) : reject(failure)));
      }),
    close: () => client.close(),
  };
}

export const inferenceClient = (address: string) =>
  grpcClient(address, 'inference/grpc_service.proto', 'inference.GRPCInferenceService');
export const ingestionClient = (address: string) =>
  grpcClient(address, 'relearn/v1/ingestion.proto', 'relearn.v1.Ingestion');

export interface InferAnswer {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly outputs: readonly { readonly name: string; readonly datatype: string; readonly shape: readonly number[] }[];
  readonly rawOutputContents: readonly Buffer[];
}

export interface OrderRow {
  readonly region: string;
  readonly discount: number;
  readonly hour: number;
}

/** A request for the model of the pipeline `orders`: one raw tensor a feature column. */
export function orderRequest(rows: readonly OrderRow[], more: object = {}): object {
  const tensor = (name: string, datatype: string) => ({ name, datatype, shape: [rows.length, 1] });
  const floats = (values: readonly number[]) => Buffer.from(new Float32Array(values).buffer);
  return {
    modelName: 'orders',
    inputs: [tensor('region', 'BYTES'), tensor('discount', 'FP32'), tensor('hour', 'FP32')],
    rawInputContents: [
      byteStrings(rows.map((row) => row.region)),
      floats(rows.map((row) => row.discount)),
      floats(rows.map((row) => row.hour)),
    ],
    ...more,
  };
}

function byteStrings(texts: readonly string[]): Buffer {
  const parts = texts.flatMap((text) => {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return [length, bytes];
  });
  return Buffer.concat(parts);
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Posts JSON, or a text as it is. */
export async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<HttpAnswer> {
  const sent = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: sent,
  });
  return answerOf(response);
}

export async function get(url: string): Promise<HttpAnswer> {
  return answerOf(await fetch(url));
}

async function answerOf(response: Response): Promise<HttpAnswer> {
  const text = await response.text();
  const json = response.headers.get('content-type')?.includes('json') === true;
  return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
}
