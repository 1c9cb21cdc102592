import { type Chance, systemChance } from './chance.js';
import { type Clock, systemClock } from './clock.js';
import { type Failpoints, noFailpoints } from './failpoint.js';

/** Time, chance and failpoints: what every impure part takes in, so that a simulation can own it. */
export interface Kernel {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly failpoints: Failpoints;
}

export const systemKernel: Kernel = { clock: systemClock, chance: systemChance, failpoints: noFailpoints };
