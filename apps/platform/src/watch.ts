import { type Part, RelearnError } from '@relearn/kernel';
import { checkpointCollection, type Ports } from '@relearn/runtime';
import type { Standing } from './standing.js';

const lookEveryMs = 5_000;
/** Digest of no blob. */
const nobody = '0'.repeat(64);
/** An engine that has not answered for so long counts as away. */
const answerWithinMs = 5_000;

/** Asks shared engines now and then for something small, so that readiness tells when one has gone, and when it is back. */
export function watchEngines({ bus, store, blobs, kernel }: Ports, standing: Standing): Part {
  const stopping = new AbortController();
  const looks = [
    new Look('bus', { ask: () => bus.bounds('control'), health: () => bus.health?.() ?? null }),
    new Look('store', { ask: () => store.get(checkpointCollection, 'none'), health: () => store.health?.() ?? null }),
    // Each question to an object store costs: it is asked only whether it is back.
    new Look('blobs', {
      ask: async () => blobs.health?.() === null || (await blobs.has(nobody)),
      health: () => blobs.health?.() ?? null,
    }),
  ];
  let running: Promise<unknown> = Promise.resolve();
  const run = async () => {
    const { signal } = stopping;
    for (;;) {
      await kernel.clock.sleep(lookEveryMs, signal);
      if (signal.aborted) return;
      for (const look of looks) look.ask();
      await kernel.clock.sleep(answerWithinMs, AbortSignal.any([signal, allAnswered(looks)]));
      if (signal.aborted) return;
      for (const { name, problem } of looks) {
        if (problem === null) standing.back(name);
        else standing.gone(name, problem);
      }
    }
  };
  return {
    name: 'watch on the engines',
    async start() {
      running = run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

function allAnswered(looks: readonly Look[]): AbortSignal {
  const answered = new AbortController();
  void Promise.all(looks.map((look) => look.answered)).then(() => answered.abort());
  return answered.signal;
}

interface Question {
  readonly ask: () => Promise<unknown>;
  /** What the engine's adapter knows of its state. */
  readonly health: () => RelearnError | null;
}

/** A question that is not asked again before it has been answered. */
class Look {
  readonly name: string;
  private readonly question: Question;
  private pending: Promise<void> | null = null;
  private failure: RelearnError | null = null;

  constructor(name: string, question: Question) {
    this.name = name;
    this.question = question;
  }

  /** Resolves when no answer is waited for. */
  get answered(): Promise<void> {
    return this.pending ?? Promise.resolve();
  }

  get problem(): RelearnError | null {
    const known = this.question.health() ?? this.failure;
    if (known !== null || this.pending === null) return known;
    return new RelearnError('UNAVAILABLE', `it has not answered for ${answerWithinMs / 1000} s`);
  }

  ask(): void {
    this.pending ??= this.hear();
  }

  private async hear(): Promise<void> {
    try {
      await this.question.ask();
      this.failure = null;
    } catch (thrown) {
      this.failure = RelearnError.from(thrown);
    }
    this.pending = null;
  }
}
