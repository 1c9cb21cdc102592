import type { LoadHook } from 'node:module';
import { planted, type PlantedBug } from './planted-bugs.js';

// Hooks of Node's module loader, in a thread of their own: they replace text of modules as these are loaded.

let bug: PlantedBug | undefined;

export function initialize(given: PlantedBug): void {
  bug = given;
}

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  const module = bug?.replacements.find((one) => url.endsWith(`/${one.module}`))?.module;
  if (bug === undefined || module === undefined) return loaded;
  const source = planted(Buffer.from(loaded.source as Uint8Array).toString('utf8'), module, bug);
  // Whoever planted it sees that the module was loaded.
  return { ...loaded, source: `${source}\n(globalThis.plantedIn ??= new Set()).add(${JSON.stringify(module)});\n` };
};
