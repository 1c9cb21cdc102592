import type { Part } from '@relearn/kernel';
import type { Topic } from '@relearn/contracts';
import type { CollectionSpec } from '@relearn/store';
import type { Decider } from './decider/definition.js';
import type { FoldDefinition } from './fold/definition.js';
import type { Ports } from './ports.js';

/** What a service is, in one value: which topics it reads and writes, and how it is made. */
export interface ServiceManifest {
  readonly name: string;
  readonly consumes: readonly Topic[];
  readonly produces: readonly Topic[];
  readonly collections: readonly CollectionSpec[];
}

export interface RunningService {
  readonly manifest: ServiceManifest;
  readonly parts: readonly Part[];
  /** Its deciders and folds, so that their states can be folded again; a fold may leave out here what only its outputs need. */
  readonly deciders?: readonly Decider<unknown>[];
  readonly folds?: readonly FoldDefinition<unknown>[];
}

export type { Ports };
