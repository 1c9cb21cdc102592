export * from './service.js';
export type { CodeFacts } from './handlers/run-evaluation.js';
export type { Reference } from './domain/reference.js';
