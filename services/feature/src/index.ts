export * from './service.js';
export { type FeaturesHandlers, featuresService } from './rpc/features.js';
export type { OnlineReader } from './rpc/get-online.js';
