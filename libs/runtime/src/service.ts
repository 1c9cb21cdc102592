import type { Part } from '@relearn/kernel';
import type { Topic } from '@relearn/contracts';
import type { CollectionSpec } from '@relearn/store';
import type { Decider } from './decider/definition.js';
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
  /** Its deciders, so that an audit can fold their states again. */
  readonly deciders?: readonly Decider<unknown>[];
}

export type { Ports };
