export * from './port.js';
export { type Codecs, messageOptions, protoRoot, serviceOf } from './service.js';
