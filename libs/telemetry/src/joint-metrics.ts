import { exposition, type Rendered } from './exposition.js';
import { countedOf, type Figures, merged } from './figures.js';

/** The metrics of several processes as one text: what they count is added up, what each tells of itself names it. */
export class JointMetrics {
  private readonly latest = new Map<string, Figures>();
  private past: Figures = [];

  /** What a process has told last. */
  told(process: string, figures: Figures): void {
    this.latest.set(process, figures);
  }

  /** It has ended: what it has counted stays counted. */
  ended(process: string): void {
    this.past = merged([this.past, countedOf(this.latest.get(process) ?? [])]);
    this.latest.delete(process);
  }

  render(accept = ''): Rendered {
    return exposition(merged([this.past, ...this.latest.values()]), accept);
  }
}
