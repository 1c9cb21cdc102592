import { type Client as GrpcClient, status } from '@grpc/grpc-js';
import { type Kernel, systemKernel } from '@relearn/kernel';
import { type BidiStreaming, type Client, serviceOf, type Unary } from '@relearn/rpc';
import { GrpcChannel, grpcServer } from '@relearn/rpc/grpc';
import fastify, { type FastifyInstance } from 'fastify';
import { ModelHost, type ModelHostOptions } from '../src/inference/model-host.js';
import { DataPlane } from '../src/inference/oip/data-plane.js';
import { addInferenceService } from '../src/rpc/inference-grpc.js';
import { registerInferenceRoutes } from '../src/rpc/inference-rest.js';
import type { TestModel } from './onnx.js';

export interface WireTensor {
  name: string;
  datatype: string;
  shape: (number | string)[];
  contents?: Record<string, unknown>;
  parameters?: Record<string, unknown>;
}

export interface WireRequest {
  modelName: string;
  modelVersion?: string;
  id?: string;
  parameters?: Record<string, Record<string, unknown>>;
  inputs?: WireTensor[];
  outputs?: { name: string; parameters?: Record<string, Record<string, unknown>> }[];
  rawInputContents?: Uint8Array[];
}

export interface WireResponse {
  modelName: string;
  modelVersion: string;
  id: string;
  parameters: Record<string, { stringParam?: string; boolParam?: boolean }>;
  outputs: WireTensor[];
  rawOutputContents: Buffer[];
}

interface Named {
  name: string;
  version?: string;
}

/** The protocol as its users see it, coded by proto-loader: not by our own codec. */
interface Inference {
  serverLive: Unary<object, { live: boolean }>;
  serverReady: Unary<object, { ready: boolean }>;
  modelReady: Unary<Named, { ready: boolean }>;
  serverMetadata: Unary<object, { name: string; version: string; extensions: string[] }>;
  modelMetadata: Unary<
    Named,
    { name: string; versions: string[]; platform: string; inputs: WireTensor[]; outputs: WireTensor[] }
  >;
  modelInfer: Unary<WireRequest, WireResponse>;
  modelStreamInfer: BidiStreaming<WireRequest, { errorMessage: string; inferResponse: WireResponse | null }>;
  modelConfig: Unary<Named, { config: WireConfig }>;
  modelStatistics: Unary<Partial<Named>, { modelStats: WireStatistics[] }>;
  repositoryIndex: Unary<{ repositoryName?: string; ready?: boolean }, { models: object[] }>;
  repositoryModelLoad: Unary<{ repositoryName?: string; modelName: string }, object>;
  repositoryModelUnload: Unary<{ repositoryName?: string; modelName: string }, object>;
  systemSharedMemoryStatus: Unary<{ name?: string }, { regions: object }>;
  systemSharedMemoryRegister: Unary<{ name: string }, object>;
  cudaSharedMemoryStatus: Unary<{ name?: string }, { regions: object }>;
  cudaSharedMemoryUnregister: Unary<{ name?: string }, object>;
  traceSetting: Unary<object, object>;
  logSettings: Unary<object, object>;
}

interface WireConfig {
  maxBatchSize: number;
  input: { name: string; dataType: string; dims: string[] }[];
}

/** Counts and nanoseconds are decimal strings. */
interface WireDuration {
  count: string;
  ns: string;
}

export interface WireStatistics {
  name: string;
  version: string;
  lastInference: string;
  inferenceCount: string;
  executionCount: string;
  inferenceStats: Record<
    'success' | 'fail' | 'queue' | 'computeInput' | 'computeInfer' | 'computeOutput' | 'cacheHit' | 'cacheMiss',
    WireDuration
  >;
  batchStats: { batchSize: string; computeInfer: WireDuration }[];
}

export const inference = serviceOf<Inference>('inference/grpc_service.proto', 'inference.GRPCInferenceService');

/** A ModelInferRequest, encoded. */
export function inferBytes(request: WireRequest): Buffer {
  return Buffer.from(inference.methods.find(({ name }) => name === 'modelInfer')?.request.encode(request) ?? []);
}

/** Asks with bytes as they are; status and message as any client of the protocol sees them. */
export function askRaw(
  client: GrpcClient,
  method: string,
  bytes: Buffer,
): Promise<readonly [string | undefined, string]> {
  const same = (value: Buffer) => value;
  return new Promise((resolve) => {
    client.makeUnaryRequest(`/inference.GRPCInferenceService/${method}`, same, same, bytes, (failure) => {
      resolve([status[failure?.code ?? 0], failure?.details ?? '']);
    });
  });
}

export interface Served {
  readonly host: ModelHost;
  readonly client: Client<Inference>;
  readonly app: FastifyInstance;
  readonly address: string;
  stop(): Promise<void>;
}

/** A host behind both transports, on a free port. */
export async function serve(options: Partial<ModelHostOptions> = {}, kernel: Kernel = systemKernel): Promise<Served> {
  const host = new ModelHost({ kernel, ...options });
  await host.start();
  const plane = new DataPlane(host, kernel, '0.0.0-test');
  const server = grpcServer({ address: '127.0.0.1:0', clock: kernel.clock, drainMs: 2_000 });
  addInferenceService(server, plane);
  await server.start();
  const app = fastify();
  registerInferenceRoutes(app, plane);
  await app.ready();
  const address = `127.0.0.1:${server.port}`;
  const channel = new GrpcChannel({ address, clock: kernel.clock });
  const stop = async () => {
    await channel.close();
    await server.stop();
    await app.close();
    await host.stop();
  };
  return { host, client: channel.client(inference), app, address, stop };
}

export async function load(host: ModelHost, name: string, version: number, { onnx, digest }: TestModel): Promise<void> {
  await host.load(name, version, onnx, null, { digest });
  host.setDefault(name, version);
}

export function fp32(...values: number[]): Buffer {
  return Buffer.from(new Float32Array(values).buffer);
}

export function floatsOf(raw: Buffer | undefined): number[] {
  const bytes = Buffer.from(raw ?? Buffer.alloc(0));
  return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(4 * index));
}

export function byteStrings(...texts: string[]): Buffer {
  return Buffer.concat(
    texts.map((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return Buffer.concat([length, bytes]);
    }),
  );
}

export function rawRequest(
  modelName: string,
  tensors: Record<string, { datatype: string; shape: number[]; raw: Buffer }>,
  more: Partial<WireRequest> = {},
): WireRequest {
  const entries = Object.entries(tensors);
  return {
    modelName,
    inputs: entries.map(([name, { datatype, shape }]) => ({ name, datatype, shape })),
    rawInputContents: entries.map(([, { raw }]) => raw),
    ...more,
  };
}

/** One request of `linearModel`. */
export function linearRequest(a: number[], b: number[], more: Partial<WireRequest> = {}): WireRequest {
  return rawRequest(
    'linear',
    {
      a: { datatype: 'FP32', shape: [a.length, 1], raw: fp32(...a) },
      b: { datatype: 'FP32', shape: [b.length, 1], raw: fp32(...b) },
    },
    more,
  );
}
