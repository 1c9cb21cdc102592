export * from './bundle.js';
export * from './sigstore.js';
export * from './signer.js';
export * from './statement.js';
export * from './trust.js';
