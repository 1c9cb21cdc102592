export * from './port.js';
export { type Codecs, messageOptions, type OwnCodec, protoRoot, serviceOf } from './service.js';
