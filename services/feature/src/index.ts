export * from './service.js';
export { type FeaturesHandlers, featuresService } from './rpc/features.js';
