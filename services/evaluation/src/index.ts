export * from './service.js';
export { type EvaluationHandlers, evaluationService } from './rpc/evaluation.js';
export type { CodeFacts } from './handlers/run-evaluation.js';
export type { Reference } from './domain/reference.js';
