export { actorMetadata, actorOf } from './caller.js';
export * from './port.js';
export { cellOf, cellsOf, numbersOf, scalarOf, scalarsOf, type WireScalar } from './scalar.js';
export { type Codecs, messageOptions, type OwnCodec, protoRoot, serviceOf } from './service.js';
