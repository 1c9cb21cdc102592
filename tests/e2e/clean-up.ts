import { afterEach } from 'vitest';

/** What a test file adds to is done after each of its tests, the last first. */
export function cleanUpAfterEach(): (() => Promise<unknown>)[] {
  const cleanUp: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const clean of cleanUp.splice(0).reverse()) await clean();
  });
  return cleanUp;
}
