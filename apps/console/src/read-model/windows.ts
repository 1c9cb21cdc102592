import { driftReported, type Event, performanceReported, windowProfiled } from '@relearn/contracts';
import type { WindowView } from './shapes.js';

export const windowsKept = 2_000;

/** Monitoring windows by their start, the newest `windowsKept` of them. */
export class Windows {
  private readonly byStart = new Map<number, WindowView>();
  /** Windows that were profiled, and those of them that drifted, over all that ever were. */
  closed = 0;
  drifted = 0;

  /** In the order of their starts. */
  list(): readonly WindowView[] {
    return [...this.byStart.values()].sort((a, b) => a.start - b.start);
  }

  /** True when the event was one of a window. */
  apply(event: Event): boolean {
    if (windowProfiled.is(event)) {
      const { part, start, end, rows, predictions } = event.data;
      if (part === 'outcomes') return true;
      const window = this.at(start, end);
      this.put({ ...window, rows: window.rows + rows, predictions: window.predictions + predictions });
      return true;
    }
    if (performanceReported.is(event)) {
      const { start, end, ...performance } = event.data;
      this.put({ ...this.at(start, end), performance });
      return true;
    }
    if (driftReported.is(event)) {
      const { start, end, ...drift } = event.data;
      if (drift.state === 'DRIFT') this.drifted += 1;
      this.put({ ...this.at(start, end), drift });
      return true;
    }
    return false;
  }

  private at(start: number, end: number): WindowView {
    const known = this.byStart.get(start);
    if (known !== undefined) return known;
    this.closed += 1;
    return { start, end, rows: 0, predictions: 0, performance: null, drift: null };
  }

  private put(window: WindowView): void {
    this.byStart.set(window.start, window);
    if (this.byStart.size > windowsKept) this.byStart.delete(Math.min(...this.byStart.keys()));
  }
}
