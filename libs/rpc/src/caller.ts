import type { CallContext } from './port.js';

const longestActor = 200;

/** Who asks, as the metadata `relearn-actor` says; `grpc` where it says nothing. Events of a door's write carry it. */
export function actorOf({ metadata }: Pick<CallContext, 'metadata'>): string {
  const actor = metadata['relearn-actor'] ?? '';
  return actor === '' ? 'grpc' : actor.slice(0, longestActor);
}

/** The metadata in which a caller names who asks; what metadata cannot carry is left as `?`. */
export function actorMetadata(actor: string): Readonly<Record<string, string>> {
  return { 'relearn-actor': actor.slice(0, longestActor).replaceAll(/[^\x20-\x7e]/g, '?') };
}
