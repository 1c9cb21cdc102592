import {
  type Event,
  modelPinned,
  modelUnpinned,
  type RolloutCounts,
  rolloutAdvanced,
  rolloutEnded,
  rolloutObserved,
  rolloutStarted,
} from '@relearn/contracts';
import type { Moment, RolloutView } from './shapes.js';

/** The model that is tried beside the champion, and whether the alias may move. */
export class Rollouts {
  private running: Omit<RolloutView, 'requests' | 'rows'> | null = null;
  /** By shard: the latest counts, and of which model. They come in another topic, so perhaps before the rollout's start. */
  private readonly observed = new Map<number, { readonly model: number; readonly counts: RolloutCounts }>();
  pinned = false;

  current(): RolloutView | null {
    const { running } = this;
    if (running === null) return null;
    const counts = [...this.observed.values()]
      .filter(({ model }) => model === running.model)
      .map((seen) => seen.counts);
    const sum = (of: (shard: RolloutCounts) => number) => counts.reduce((total, shard) => total + of(shard), 0);
    return { ...running, requests: sum(({ requests }) => requests), rows: sum(({ rows }) => rows) };
  }

  /** True when the event was one of a rollout or of a pin. */
  apply(event: Event, at: Moment): boolean {
    if (rolloutStarted.is(event)) {
      const { model, turn, policy } = event.data;
      const { strategy, steps, requests: each } = policy;
      this.running = { model, turn, strategy, step: 0, steps: steps.length, share: steps[0] ?? 0, each, since: at };
      return true;
    }
    if (modelPinned.is(event) || modelUnpinned.is(event)) {
      this.pinned = modelPinned.is(event);
      return true;
    }
    if (rolloutObserved.is(event)) {
      const { model, shard, counts } = event.data;
      this.observed.set(shard, { model, counts });
      return this.running?.model === model;
    }
    if (this.running === null) return false;
    if (rolloutAdvanced.is(event)) {
      const { step, share } = event.data;
      this.running = { ...this.running, step, share };
      return true;
    }
    if (!rolloutEnded.is(event)) return false;
    this.running = null;
    return true;
  }
}
