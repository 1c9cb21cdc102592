import { OnnxSession } from './onnx-session.js';
import { RunCosts } from './run-costs.js';

/** Larger models take too long to load on the thread that owns the sockets. */
const mostBytes = 1 << 20;

interface Candidate {
  readonly onnx: Uint8Array;
  readonly costs: RunCosts;
  session: OnnxSession | undefined;
  opening: Promise<void> | undefined;
}

/** Models small enough to be run on the thread that owns the sockets, once they have shown it on others. */
export class InlineRuns {
  private readonly candidates = new Map<number, Candidate>();
  private readonly mostMs: number;

  constructor(mostMs: number) {
    this.mostMs = mostMs;
  }

  add(id: number, onnx: Uint8Array): void {
    if (this.mostMs > 0 && onnx.byteLength <= mostBytes) {
      this.candidates.set(id, { onnx, costs: new RunCosts(), session: undefined, opening: undefined });
    }
  }

  /** Tells what a run took, here or on another thread. */
  took(id: number, rows: number, ms: number): void {
    this.candidates.get(id)?.costs.add(rows, ms);
  }

  /** The session to run so many rows on here; undefined: another thread is to. */
  sessionFor(id: number, rows: number): OnnxSession | undefined {
    const candidate = this.candidates.get(id);
    if (candidate === undefined || !((candidate.costs.expected(rows) ?? Infinity) <= this.mostMs)) return undefined;
    candidate.opening ??= this.open(id, candidate);
    return candidate.session;
  }

  /** Nothing runs on it any more. */
  async remove(id: number): Promise<void> {
    const candidate = this.candidates.get(id);
    this.candidates.delete(id);
    await candidate?.opening;
    await candidate?.session?.release();
  }

  async clear(): Promise<void> {
    for (const id of [...this.candidates.keys()]) await this.remove(id);
  }

  private async open(id: number, candidate: Candidate): Promise<void> {
    try {
      candidate.session = await OnnxSession.open(candidate.onnx);
    } catch {
      // Other threads hold it all the same.
      this.candidates.delete(id);
    }
  }
}
