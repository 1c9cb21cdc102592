export { distModule } from './dist-module.js';
export { createWorkers, type WorkersOptions } from './pool.js';
export type { JobContext, JobModule } from './protocol.js';
export { sharedBlobs } from './shared-blobs.js';
