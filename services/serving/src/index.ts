export { ModelHost } from './inference/model-host.js';
export * from './service.js';
export { DataPlane } from './inference/oip/data-plane.js';
export { addInferenceService } from './rpc/inference-grpc.js';
export { registerInferenceRoutes } from './rpc/inference-rest.js';
export { mostBodyBytes } from './rpc/rest-body.js';
export { PredictionSpool } from './spool/prediction-spool.js';
export type { OpenSessions, RunOrder, RunResult, SessionEvents, Sessions } from './inference/sessions.js';
export type { ModelSignature, TensorBytes } from './inference/tensors.js';
