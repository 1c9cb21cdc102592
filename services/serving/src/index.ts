export { ModelHost } from './inference/model-host.js';
export * from './service.js';
