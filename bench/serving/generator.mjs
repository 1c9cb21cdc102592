// The load generator: a program that speaks the protocol and prints one JSON line, as `oipload` does.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Waits until the target has the model. */
export async function untilGenerated(generator, target) {
  await run(generator, [...target, '-wait-ready', '60s'], { timeout: 90_000 });
}

/** What it prints of one load. */
export async function generated(generator, target, load) {
  return JSON.parse((await run(generator, [...target, ...load])).stdout);
}
