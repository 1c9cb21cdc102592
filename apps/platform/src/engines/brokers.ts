import { RelearnError } from '@relearn/kernel';
import type { SharedEngines } from '../config/engines.js';
import type { EngineOptions, OpenEngines } from './open-engines.js';

/** Engines that processes share, each waited for. */
export async function openShared({ bus }: SharedEngines, _options: EngineOptions): Promise<OpenEngines> {
  throw new RelearnError('UNIMPLEMENTED', `there is no adapter for ${bus.kind} in this version`, {
    place: { field: 'RELEARN_BUS' },
    remedy: 'Unset RELEARN_BUS and RELEARN_STORE: the embedded engines need nothing.',
  });
}
