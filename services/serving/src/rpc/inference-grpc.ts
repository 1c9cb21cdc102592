import { type BidiStreaming, type Codec, type RpcServer, type Service, serviceOf, type Unary } from '@relearn/rpc';
import type { DataPlane, IndexEntry } from '../inference/oip/data-plane.js';
import {
  decodeInferRequest,
  encodeInferResponse,
  encodeStreamResponse,
  type StreamResponse,
} from '../inference/oip/infer-codec.js';
import type { ModelConfig } from '../inference/oip/model-config.js';
import type { ModelStatistics } from '../inference/oip/model-statistics.js';
import type { InferRequest, InferResponse } from '../inference/oip/request.js';
import { type AbsentHandlers, absentHandlers } from './absent-grpc.js';
import { decodeStreamRequest, inferStream, type StreamRequest } from './inference-stream.js';

interface NamedVersion {
  readonly name: string;
  readonly version: string;
}

interface Tensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

interface ModelMetadataResponse {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

interface RepositoryModel {
  readonly repositoryName: string;
  readonly modelName: string;
}

interface CoreHandlers {
  serverLive: Unary<object, { live: boolean }>;
  serverReady: Unary<object, { ready: boolean }>;
  modelReady: Unary<NamedVersion, { ready: boolean }>;
  serverMetadata: Unary<object, { name: string; version: string; extensions: readonly string[] }>;
  modelMetadata: Unary<NamedVersion, ModelMetadataResponse>;
  modelInfer: Unary<InferRequest, InferResponse>;
}

interface ExtensionHandlers {
  modelStreamInfer: BidiStreaming<StreamRequest, StreamResponse>;
  modelConfig: Unary<NamedVersion, { config: ModelConfig }>;
  modelStatistics: Unary<NamedVersion, { modelStats: readonly ModelStatistics[] }>;
  repositoryIndex: Unary<{ repositoryName: string; ready: boolean }, { models: readonly IndexEntry[] }>;
  repositoryModelLoad: Unary<RepositoryModel, object>;
  repositoryModelUnload: Unary<RepositoryModel, object>;
}

export type InferenceHandlers = CoreHandlers & ExtensionHandlers & AbsentHandlers;

/** The messages that weigh are coded by hand; a server needs one direction of each. */
const inferRequest: Pick<Codec<InferRequest>, 'decode'> = { decode: decodeInferRequest };
const inferResponse: Pick<Codec<InferResponse>, 'encode'> = { encode: encodeInferResponse };
const streamRequest: Pick<Codec<StreamRequest>, 'decode'> = { decode: decodeStreamRequest };
const streamResponse: Pick<Codec<StreamResponse>, 'encode'> = { encode: encodeStreamResponse };

/** `inference.GRPCInferenceService` as a server offers it. */
export function inferenceService(): Service<InferenceHandlers> {
  return serviceOf<InferenceHandlers>('inference/grpc_service.proto', 'inference.GRPCInferenceService', {
    modelInfer: { request: inferRequest, response: inferResponse, lent: true },
    modelStreamInfer: { request: streamRequest, response: streamResponse },
  });
}

/** Offers the Open Inference Protocol over gRPC. */
export function addInferenceService(server: RpcServer, plane: DataPlane): void {
  server.add(inferenceService(), { ...core(plane), ...extensions(plane), ...absentHandlers(plane) });
}

function core(plane: DataPlane): CoreHandlers {
  return {
    serverLive: async () => ({ live: plane.serverLive() }),
    serverReady: async () => ({ ready: plane.serverReady() }),
    modelReady: async ({ name, version }) => ({ ready: plane.modelReady(name, version) }),
    serverMetadata: async () => plane.serverMetadata(),
    modelMetadata: async ({ name, version }) => plane.modelMetadata(name, version),
    modelInfer: (request, context) => plane.infer(request, context),
  };
}

function extensions(plane: DataPlane): ExtensionHandlers {
  const control = async ({ repositoryName, modelName }: RepositoryModel) =>
    // KServe's clients send the model's name in the repository's field.
    plane.controlModel(modelName === '' ? '' : repositoryName);
  return {
    modelStreamInfer: (requests, context) => inferStream(plane, requests, context),
    modelConfig: async ({ name, version }) => ({ config: plane.modelConfig(name, version) }),
    modelStatistics: async ({ name, version }) => ({ modelStats: plane.modelStatistics(name, version) }),
    repositoryIndex: async ({ repositoryName, ready }) => ({ models: plane.repositoryIndex(repositoryName, ready) }),
    repositoryModelLoad: control,
    repositoryModelUnload: control,
  };
}
