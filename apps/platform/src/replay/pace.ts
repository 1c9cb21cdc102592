import type { Ports } from '@relearn/runtime';
import { lagOf } from '../lag.js';

/** What a replay waits for. */
export interface Pace {
  /** Whether readers have too much before them. */
  behind(): Promise<boolean>;
  /** Resolves when they have nothing before them, or where others leave them no such moment. */
  settled(signal: AbortSignal): Promise<void>;
  /** Whether a turn of the pipeline is being worked on. */
  turnRuns(pipeline: string): boolean;
  /** Machine time after which to ask again. */
  readonly lookAgainMs: number;
}

/** Records (events of up to 1,000 rows) that readers may have before them. */
const mostBehind = 24;
/** The same where it is told from checkpoints, which are written up to a second later. */
const mostBehindCheckpoints = 96;
const longestSettlingMs = 1_000;

/**
 * In one process everybody says what they do. Where services have processes of their own, the folds' checkpoints and the
 * control log say it.
 */
export function paceOf(ports: Ports): Pace {
  const { activity, bus, catalog, kernel } = ports;
  if (!bus.features.sharedBetweenProcesses) {
    return {
      behind: async () => (await activity.behind(bus)) > mostBehind,
      settled: async (signal) => {
        const enough = new AbortController();
        const timer = kernel.clock.after(longestSettlingMs, () => enough.abort());
        try {
          await activity.idle(bus, AbortSignal.any([signal, enough.signal]));
        } finally {
          timer.cancel();
        }
      },
      turnRuns: () => activity.jobs() > 0,
      lookAgainMs: 5,
    };
  }
  return {
    behind: async () => (await lagOf(ports)).some(({ records }) => records > mostBehindCheckpoints),
    // Checkpoints tell it too late: a day of history would take seconds.
    settled: () => Promise.resolve(),
    turnRuns: (pipeline) => catalog.turn(pipeline) !== undefined,
    lookAgainMs: 50,
  };
}
