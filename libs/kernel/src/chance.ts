import { randomBytes } from 'node:crypto';

/** Randomness as a port: numbers in [0, 1) and opaque ids. */
export interface Chance {
  next(): number;
  id(): string;
}

/**
 * mulberry32: a 32-bit generator with the same bits on every machine.
 * Seed 1 begins 0.6270739405881613, 0.002735721180215478.
 */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export const systemChance: Chance = {
  next: () => randomBytes(4).readUInt32LE(0) / 4294967296,
  id: () => randomBytes(12).toString('hex'),
};

/** Chance that repeats itself for a seed: for replays, simulations and tests. */
export function seededChance(seed: number): Chance {
  const next = mulberry32(seed);
  let count = 0;
  return {
    next,
    id: () => `${seed.toString(36)}-${(count++).toString(36)}-${Math.floor(next() * 2 ** 32).toString(36)}`,
  };
}
