import {
  firstDifference,
  hashOf,
  type Ports,
  readCommitted,
  readStored,
  rebuildReached,
  rebuildStored,
  scratchBlobs,
  type StateHash,
  stateOf,
  writeRebuilt,
} from '@relearn/runtime';
import { foldedService } from './assemblies.js';
import type { Config } from './config/config.js';
import { openIdlePorts } from './open-idle-ports.js';
import { restoreReplays } from './replay/progress.js';

/** Hashes of the state that is stored and of the one that log and blobs give, and where they first differ. */
export interface Verification {
  readonly stored: StateHash;
  readonly rebuilt: StateHash;
  readonly difference: string | null;
}

/**
 * Folds every state again, to where its document says that it is, and compares. Changes nothing, and can run beside the
 * services: documents are read first, and nobody acts on what was before them again.
 */
export async function verifyState(ports: Ports): Promise<Verification> {
  const scratch = { ...ports, blobs: scratchBlobs(ports.blobs) };
  const service = await foldedService(scratch);
  const stored = await readStored(ports.store, service);
  const before = stateOf(stored);
  const after = stateOf(await rebuildStored(scratch, service, stored));
  return { stored: hashOf(before), rebuilt: hashOf(after), difference: firstDifference(before, after) };
}

/** Makes all documents anew from log and blobs. Throws REFUSED or UNAVAILABLE while services run. */
export async function rebuildState(ports: Ports): Promise<StateHash> {
  const service = await foldedService(ports);
  const reached = await readCommitted(ports, service);
  const rebuilt = await rebuildReached(ports, service, reached);
  await writeRebuilt(ports.store, rebuilt);
  await restoreReplays(ports);
  return hashOf(stateOf(rebuilt));
}

/** Opens the engines that the configuration names and makes their documents anew. */
export async function rebuildStores(config: Config): Promise<StateHash> {
  const opened = await openIdlePorts(config);
  try {
    return await rebuildState(opened.ports);
  } finally {
    await opened.close();
  }
}
