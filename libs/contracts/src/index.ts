export * from './pipeline/spec.js';
export * from './rows.js';
