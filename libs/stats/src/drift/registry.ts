import { RelearnError } from '@relearn/kernel';
import { categoricalDriftMethods } from './categorical.js';
import type { DriftMethod } from './method.js';
import { numericDriftMethods } from './numeric.js';

/** Every drift method by its variant name, such as `psi:evidently`: over whole samples, not over frozen bins. */
export const driftMethods: Readonly<Record<string, DriftMethod>> = Object.fromEntries(
  [...numericDriftMethods, ...categoricalDriftMethods].map((method) => [method.name, method]),
);

/** The method of a name; throws INVALID_INPUT with the names there are. */
export function driftMethod(name: string): DriftMethod {
  const method = Object.hasOwn(driftMethods, name) ? driftMethods[name] : undefined;
  if (method !== undefined) return method;
  throw new RelearnError(
    'INVALID_INPUT',
    `unknown drift method ${name}; known: ${Object.keys(driftMethods).join(', ')}`,
  );
}
