export { type Reason, type ReasonCode, reasonCodes } from './domain/column-check.js';
export { type ValidationHandlers, validationHandlers, validationService } from './rpc/check.js';
export { createValidation } from './service.js';
