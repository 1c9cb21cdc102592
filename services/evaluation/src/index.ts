export * from './service.js';
export { type EvaluationHandlers, evaluationService } from './rpc/evaluation.js';
export type { CodeFacts } from './handlers/run-evaluation.js';
export type { Reference } from './domain/reference.js';
export { type EvaluateInput, type EvaluateOutput, judgeCandidate } from './jobs/judge-candidate.js';
export type { OpenedModel, OpenModel } from './jobs/opened-model.js';
