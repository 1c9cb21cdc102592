import { type Codec, type RpcServer, type Service, serviceOf, type Unary } from '@relearn/rpc';
import type { DataPlane } from '../inference/oip/data-plane.js';
import { decodeInferRequest, encodeInferResponse } from '../inference/oip/infer-codec.js';
import type { InferRequest, InferResponse } from '../inference/oip/request.js';

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

export interface InferenceHandlers {
  serverLive: Unary<object, { live: boolean }>;
  serverReady: Unary<object, { ready: boolean }>;
  modelReady: Unary<NamedVersion, { ready: boolean }>;
  serverMetadata: Unary<object, { name: string; version: string; extensions: readonly string[] }>;
  modelMetadata: Unary<NamedVersion, ModelMetadataResponse>;
  modelInfer: Unary<InferRequest, InferResponse>;
}

/** The two messages that weigh are coded by hand; a server needs one direction of each. */
const inferRequest: Pick<Codec<InferRequest>, 'decode'> = { decode: decodeInferRequest };
const inferResponse: Pick<Codec<InferResponse>, 'encode'> = { encode: encodeInferResponse };

/** `inference.GRPCInferenceService` as a server offers it. */
export function inferenceService(): Service<InferenceHandlers> {
  return serviceOf<InferenceHandlers>('inference/grpc_service.proto', 'inference.GRPCInferenceService', {
    modelInfer: { request: inferRequest, response: inferResponse },
  });
}

/** Offers the Open Inference Protocol over gRPC. */
export function addInferenceService(server: RpcServer, plane: DataPlane): void {
  server.add(inferenceService(), {
    serverLive: async () => ({ live: plane.serverLive() }),
    serverReady: async () => ({ ready: plane.serverReady() }),
    modelReady: async ({ name, version }) => ({ ready: plane.modelReady(name, version) }),
    serverMetadata: async () => plane.serverMetadata(),
    modelMetadata: async ({ name, version }) => plane.modelMetadata(name, version),
    modelInfer: (request, context) => plane.infer(request, context),
  });
}
