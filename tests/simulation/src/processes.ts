import { fork } from 'node:child_process';
import type { Share, ShareResult } from './shard.js';

/** A seed's garbage dies young, and another thread that collects it takes a share's processor away. */
const memory = ['--max-semi-space-size=128', '--single-threaded-gc'];

/** Runs a share of the seeds in a process of its own. */
export async function runProcess(share: Share, onSeed: () => void = () => undefined): Promise<ShareResult> {
  const child = fork(new URL('./run-share.js', import.meta.url), { execArgv: memory });
  child.send(share);
  return await new Promise((resolve, reject) => {
    child.on('message', (message) => {
      if (message === 'seed') onSeed();
      else resolve(message as ShareResult);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`a share of the seeds ended with exit code ${code}`)));
  });
}
