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
/** How often it is asked whether they are done, and for how long. */
const lookAgainMs = 5;
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
        const until = kernel.clock.now() + longestSettlingMs;
        while (!signal.aborted && kernel.clock.now() < until && (await activity.behind(bus)) > 0) {
          await kernel.clock.sleep(lookAgainMs, signal);
        }
      },
      turnRuns: () => activity.jobs() > 0,
      lookAgainMs,
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
