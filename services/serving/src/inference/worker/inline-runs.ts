import { RelearnError } from '@relearn/kernel';
import { OnnxSession } from './onnx-session.js';
import { Recent, RunCosts } from './run-costs.js';

/** Larger models take too long to load on the thread that owns the sockets. */
const mostBytes = 1 << 20;

interface Candidate {
  readonly onnx: Uint8Array;
  readonly costs: RunCosts;
  session: OnnxSession | undefined;
  opening: Promise<void> | undefined;
}

/**
 * Models small enough to be run on the thread that owns the sockets, once they have shown it on others: a run is made there
 * when it takes no longer than the way to another thread and back, both as measured on this machine under its load of the
 * moment, and never one that takes longer than `mostMs`.
 */
export class InlineRuns {
  private readonly candidates = new Map<number, Candidate>();
  private readonly ways = new Recent();
  private readonly mostMs: number;
  private readonly onTrouble: (message: string) => void;

  constructor(mostMs: number, onTrouble: (message: string) => void) {
    this.mostMs = mostMs;
    this.onTrouble = onTrouble;
  }

  add(id: number, onnx: Uint8Array): void {
    if (this.mostMs > 0 && onnx.byteLength <= mostBytes) {
      this.candidates.set(id, { onnx, costs: new RunCosts(), session: undefined, opening: undefined });
    }
  }

  /** Tells what the way to another thread and back took, ms, beside the run there. */
  wayTook(ms: number): void {
    this.ways.add(ms);
  }

  /** Tells what a run took, here or on another thread. */
  took(id: number, rows: number, ms: number): void {
    this.candidates.get(id)?.costs.add(rows, ms);
  }

  /** The session to run so many rows on here; undefined: another thread is to. */
  sessionFor(id: number, rows: number): OnnxSession | undefined {
    const candidate = this.candidates.get(id);
    const expected = candidate?.costs.expected(rows);
    const way = this.ways.median;
    if (candidate === undefined || expected === undefined || way === undefined) return undefined;
    if (expected > Math.min(way, this.mostMs)) return undefined;
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
    } catch (thrown) {
      this.candidates.delete(id);
      const { message } = RelearnError.from(thrown);
      this.onTrouble(`session ${id} goes on in other threads only, since it cannot be opened in this one: ${message}`);
    }
  }
}
