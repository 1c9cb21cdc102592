import type { ReadTrust, Signer } from '@relearn/bundles';
import type { Ports } from '@relearn/runtime';
import type { Telemetry } from '@relearn/telemetry';
import type { Config } from '../config/config.js';
import type { ServiceName } from '../service-names.js';
import { signingKey } from './signing-key.js';
import { readTrust } from './trusted-keys.js';

/** Whose bundles count; undefined: anybody's. */
export function trustOf({ keys }: Config, { log }: Telemetry): ReadTrust | undefined {
  return keys === null ? undefined : () => readTrust(keys, log);
}

/** Of a process that makes bundles, or has everything; undefined: they are not signed. Whoever then takes anything says so. */
export function signerFor(
  { keys, engines }: Config,
  names: readonly ServiceName[],
  { catalog, telemetry }: Ports,
): Signer | undefined {
  const makes = names.includes('evaluation') || names.includes('registry');
  if (keys !== null && (makes || engines.kind === 'embedded'))
    return signingKey(keys, () => catalog.bundles(), telemetry.log);
  if (keys === null && makes) telemetry.log.warn('bundles are not signed: RELEARN_KEYS names no folder of keys');
  if (keys === null && names.includes('serving')) {
    telemetry.log.warn('nobody asks who has signed a bundle: RELEARN_KEYS names no folder of keys');
  }
  return undefined;
}
