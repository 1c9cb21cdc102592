import { register } from 'node:module';
import { type PlantedBug, plantedBugs } from './planted-bugs.js';
import type { Share } from './shard.js';

// A process that runs a share of the seeds, maybe with a bug in the product, and tells its parent.

function plant(name: string): PlantedBug {
  const bug = plantedBugs.find((known) => known.name === name);
  if (bug === undefined) throw new Error(`no bug '${name}'`);
  register('./planted-loader.js', { parentURL: import.meta.url, data: bug });
  return bug;
}

/** A bug in a module that nobody loads would prove nothing. */
function checkPlanted(bug: PlantedBug): void {
  const there: unknown = Reflect.get(globalThis, 'plantedIn');
  for (const { module } of bug.replacements) {
    if (!(there instanceof Set && there.has(module))) throw new Error(`'${bug.name}': ${module} was not loaded`);
  }
}

process.once('message', (share: Share) => {
  void (async () => {
    const bug = share.planted === undefined ? undefined : plant(share.planted);
    const { runShare } = await import('./shard.js');
    if (bug !== undefined) checkPlanted(bug);
    const result = await runShare(share, () => process.send?.('seed'));
    process.send?.(result, () => process.disconnect());
  })();
});
