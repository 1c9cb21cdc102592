import { countedOf, type Figures, merged, rendered } from './figures.js';
import { newRegistries, type Rendered, textOf } from './registries.js';

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

  render(accept = ''): Promise<Rendered> {
    const registries = newRegistries();
    for (const family of merged([this.past, ...this.latest.values()])) {
      const among = family.traced ? [registries.traced, registries.openMetrics] : [registries.plain];
      for (const registry of among) registry.registerMetric(rendered(() => family));
    }
    return textOf(registries, accept);
  }
}
