import { setTimeout as sleep } from 'node:timers/promises';

/** An engine that the run uses. */
export interface Server {
  readonly address: string;
  /** Where it comes from, for the reader of the run's output. */
  readonly origin: string;
  /** null: it is somebody else's, and left alone. */
  readonly control: Control | null;
}

/** Each resolves when it is done; `restart` and `resume` when the server answers again. */
export interface Control {
  kill(): Promise<void>;
  restart(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** One more server of the kind, empty. */
  another(): Promise<Server>;
}

/** Starting is slow where everything else runs too; a server that says nothing for so long will not. */
const patienceMs = 600_000;

/** Asks until it is true. `gone` says why it never will be. */
export async function until(
  what: string,
  probe: () => Promise<boolean>,
  gone: () => string | undefined,
): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await probe())) {
    const reason = gone() ?? (performance.now() > end ? 'it does not answer' : undefined);
    if (reason !== undefined) throw new Error(`${what}: ${reason}`);
    await sleep(30);
  }
}
