import { mulberry32 } from '@relearn/kernel';

/** Something that happens at a virtual time, unless it is cancelled before. */
export interface Step {
  readonly at: number;
  /** Breaks ties: what was planned first happens first. */
  readonly order: number;
  readonly label: string;
  run: (() => void) | null;
}

/** Resolves when no promise has anything to do any more: Node comes to its ticks only then. */
const rest = () => new Promise<void>((resolve) => process.nextTick(resolve));

/**
 * Virtual time and seeded chance. One step happens at a time; the next one only when all that follows from it in promises
 * has come to rest. So a seed has one schedule, and a hash of its steps tells whether two runs were the same.
 */
export class Scheduler {
  readonly random: () => number;
  /** Virtual milliseconds since the beginning. */
  now = 0;
  steps = 0;
  private readonly heap: Step[] = [];
  private planned = 0;
  private digest = 0x811c9dc5;
  private readonly lines: string[] = [];
  private readonly tailLines: number;

  /** `tailLines`: so many of the trace's last lines are kept for a report. */
  constructor(seed: number, tailLines: number) {
    this.random = mulberry32(seed);
    this.tailLines = tailLines;
  }

  after(ms: number, label: string, run: () => void): Step {
    const step: Step = { at: this.now + Math.max(0, ms), order: this.planned++, label, run };
    this.push(step);
    return step;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  chance(probability: number): boolean {
    return probability > 0 && this.random() < probability;
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error('nothing to pick from');
    return value;
  }

  /** Goes on until `done` says so (true), nothing is planned any more, or virtual time is over (false). */
  async run(done: () => boolean, until: number): Promise<boolean> {
    while (!done()) {
      const step = this.pop();
      if (step === undefined || step.at > until) return false;
      const { run } = step;
      if (run === null) continue;
      this.now = step.at;
      this.steps += 1;
      this.note(step.label);
      run();
      await rest();
    }
    return true;
  }

  /**
   * Puts what happened into the trace, with a number that tells it from another one. Of a label only its length is in the
   * hash: to look at the text of each would cost more than most steps.
   */
  note(label: string, value = 0): void {
    const mixed = Math.imul(this.digest ^ label.length, 0x01000193) ^ Math.floor(this.now * 64);
    this.digest = Math.imul(mixed ^ value, 0x01000193) >>> 0;
    if (this.tailLines > 0) this.remark(value === 0 ? label : `${label} #${value.toString(36)}`);
  }

  get keepsTrace(): boolean {
    return this.tailLines > 0;
  }

  /** A line for people: no part of the hash. */
  remark(text: string): void {
    this.lines.push(`${this.now.toFixed(1).padStart(9)} ms  ${text}`);
    if (this.lines.length > 2 * this.tailLines) this.lines.splice(0, this.tailLines);
  }

  get hash(): string {
    return `${this.digest.toString(16).padStart(8, '0')}-${this.steps}`;
  }

  get tail(): readonly string[] {
    return this.lines.slice(-this.tailLines);
  }

  private push(step: Step): void {
    const { heap } = this;
    let at = heap.push(step) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || before(above, step)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = step;
  }

  private pop(): Step | undefined {
    const { heap } = this;
    const [top] = heap;
    const last = heap.pop();
    if (top === undefined || last === undefined || last === top) return top;
    let at = 0;
    for (;;) {
      const child = this.earlier(2 * at + 1);
      const below = heap[child];
      if (below === undefined || before(last, below)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return top;
  }

  /** Of a place and the one after it, the one whose step comes first. */
  private earlier(left: number): number {
    const [a, b] = [this.heap[left], this.heap[left + 1]];
    return a !== undefined && b !== undefined && before(b, a) ? left + 1 : left;
  }
}

function before(a: Step, b: Step): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
