import type { Signer } from '@relearn/bundles';
import type { Ports } from '@relearn/runtime';
import type { Config } from '../config/config.js';
import type { ServiceName } from '../service-names.js';
import { signingKey } from './signing-key.js';

/** Of a process that makes bundles, or has everything; undefined: they are not signed. */
export function signerFor(
  { keys, engines }: Config,
  names: readonly ServiceName[],
  { catalog, telemetry }: Ports,
): Signer | undefined {
  const makes = names.includes('evaluation') || names.includes('registry');
  if (keys !== null && (makes || engines.kind === 'embedded')) return signingKey(keys, () => catalog.bundles());
  if (keys === null && makes) telemetry.log.warn('bundles are not signed: RELEARN_KEYS names no folder of keys');
  return undefined;
}
