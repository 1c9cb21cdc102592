export * from './audit.js';
export type { Violation } from './invariant.js';
export type { AuditedDecider } from './invariants/folded-state.js';
