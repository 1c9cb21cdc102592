export * from './service.js';
export type { OnlineFeatures, OnlineReader } from './rpc/get-online.js';
