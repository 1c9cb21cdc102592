import { RelearnError } from '@relearn/kernel';
import type { Ports } from '@relearn/runtime';
import type { ReferenceProfile } from '@relearn/stats';
import { decodeReference, type Reference, referenceDigest } from '../domain/reference.js';
import type { ProfileOf } from '../domain/window-state.js';

/** References by pipeline and model, read once: a registered model's never changes. */
export class References {
  private readonly loaded = new Map<string, Reference>();

  async load(ports: Ports, pipeline: string, model: number): Promise<Reference> {
    const key = `${pipeline}/${model}`;
    const known = this.loaded.get(key);
    if (known !== undefined) return known;
    const bundle = ports.catalog.bundle(pipeline, model);
    if (bundle === undefined) throw new RelearnError('UNAVAILABLE', `model ${key} is not registered yet`);
    const digest = referenceDigest(await ports.blobs.get(bundle));
    const reference = decodeReference(await ports.blobs.get(digest));
    this.loaded.set(key, reference);
    return reference;
  }

  profileOf(pipeline: string): ProfileOf {
    return (model): ReferenceProfile | null => this.loaded.get(`${pipeline}/${model}`)?.profile ?? null;
  }
}
