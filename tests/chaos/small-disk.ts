import { execFile } from 'node:child_process';
import { mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Guard } from '../brokers/guard.js';

const run = promisify(execFile);

/** A folder on a disk of its own. */
export interface SmallDisk {
  readonly folder: string;
  /** Takes all room that is left. */
  fill(): Promise<void>;
  /** Gives it back. */
  free(): Promise<void>;
}

const roomy = '2g';

/**
 * A file system in memory on a new folder of the guard's, which takes it away when it ends; null where this user may mount
 * none.
 */
export async function smallDisk(guard: Guard, name: string): Promise<SmallDisk | null> {
  const folder = join(guard.folder, name);
  await mkdir(folder, { recursive: true });
  // Whenever this process dies, the mount is known to the guard before it is there.
  await guard.atEnd('umount', ['-l', folder]);
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${roomy}`, 'relearn-chaos', folder]);
  } catch {
    return null;
  }
  const resize = (size: string) => run('mount', ['-o', `remount,size=${size}`, folder]);
  return {
    folder,
    async fill() {
      // It cannot be smaller than what is in it, which may grow meanwhile.
      for (let attempt = 0; ; attempt++) {
        const { blocks, bfree, bsize } = await statfs(folder);
        try {
          await resize(`${(blocks - bfree) * bsize}`);
          return;
        } catch (thrown) {
          if (attempt === 50) throw thrown;
        }
      }
    },
    free: async () => void (await resize(roomy)),
  };
}
