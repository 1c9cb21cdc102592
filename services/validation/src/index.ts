export { type Reason, type ReasonCode, reasonCodes } from './domain/column-check.js';
export { createValidation } from './service.js';
