/** Milliseconds on the machine's monotonic clock: leases, time-outs, back-off. Never virtual in a running process. */
export type MachineMs = number;

/** Milliseconds since 1970 UTC on a pipeline's business clock: event times, windows, cooldowns. */
export type BusinessMs = number;

export interface Timer {
  cancel(): void;
}

/** Time as a port, so that a simulation can own every await. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): MachineMs;
  /** Wall time in milliseconds since 1970 UTC. */
  wall(): BusinessMs;
  /** Resolves after `ms`; at once when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back after `ms` unless cancelled. Does not keep the process alive. */
  after(ms: number, callback: () => void): Timer;
  /** Lets other work of this process run before going on. */
  breathe(): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const finish = () => {
        clearTimeout(handle);
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const handle = setTimeout(finish, ms);
      signal?.addEventListener('abort', finish, { once: true });
    }),
  after: (ms, callback) => {
    const handle = setTimeout(callback, ms);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  breathe: () => new Promise((resolve) => setImmediate(resolve)),
};
