import { foldPart, type Ports, type RunningService } from '@relearn/runtime';
import { validate } from './handlers/validate.js';
import { type ValidationHandlers, validationHandlers } from './rpc/check.js';

/** Validation: raw records in; valid ones, quarantined ones with their reasons, and each window's quality out. */
export function createValidation(ports: Ports): RunningService & { readonly rpc: ValidationHandlers } {
  const fold = validate();
  return {
    manifest: {
      name: 'validation',
      consumes: ['data.raw', 'control'],
      produces: ['data.valid', 'data.quarantine', 'monitoring', 'control'],
      collections: [],
    },
    parts: [foldPart(ports, fold)],
    folds: [fold],
    rpc: validationHandlers(ports.catalog),
  };
}
