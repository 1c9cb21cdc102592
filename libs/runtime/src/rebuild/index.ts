export * from './committed.js';
export { type Reached, rebuildReached, rebuildStored } from './rebuild.js';
export * from './scratch-blobs.js';
export * from './state.js';
export * from './write.js';
