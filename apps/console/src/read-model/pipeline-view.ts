import {
  dataQualityFailed,
  dataQualityRecovered,
  deadLettered,
  deadLetterReplayRequested,
  driftDetected,
  type Event,
  pipelineApplied,
  type PipelineSpec,
} from '@relearn/contracts';
import { conservationOf, type LiveCounts, noCounts } from './counts.js';
import { Models } from './models.js';
import { Rollouts } from './rollouts.js';
import type { AlarmView, Moment, PipelineState, PipelineSummary, PlainModelView, Revisions } from './shapes.js';
import { stagesOf } from './stages.js';
import { Turns } from './turns.js';
import { Windows } from './windows.js';

const alarmsKept = 20;

/** What the log says of one pipeline, folded from its events of `control`, `monitoring` and `dead-letters`. */
export class PipelineView {
  readonly name: string;
  readonly models = new Models();
  readonly turns = new Turns();
  readonly windows = new Windows();
  readonly rollouts = new Rollouts();
  private spec: PipelineSpec | null = null;
  private version = 0;
  private applied: Moment = { business: 0, wall: 0 };
  private latest: number | null = null;
  private alarms: AlarmView[] = [];
  private failing: number[] = [];
  /** Records of validation's letters that nobody has sent back, by the letter's id. */
  private readonly letters = new Map<string, number>();
  private readonly changes = { models: 0, turns: 0, windows: 0, alarms: 0 };

  constructor(name: string) {
    this.name = name;
  }

  /** False until a pipeline file has been applied under the name. */
  get known(): boolean {
    return this.spec !== null;
  }

  /** Was a model registered by hand under the name? */
  get isPlain(): boolean {
    return this.spec === null && this.models.registered > 0;
  }

  /** The model that no pipeline owns; its versions newest first. */
  plain(): PlainModelView {
    const { name, models, rollouts } = this;
    return { name, champion: models.champion, pinned: rollouts.pinned, versions: models.list().toReversed() };
  }

  revisions(): Revisions {
    return { ...this.changes };
  }

  /** Folds one event. Its data must fit its schema: the topics that are followed are written by the platform alone. */
  apply(event: Event, wall: number): void {
    const at = { business: Date.parse(event.time), wall };
    if (Number.isFinite(at.business) && !deadLettered.is(event) && !deadLetterReplayRequested.is(event))
      this.latest = Math.max(this.latest ?? at.business, at.business);
    if (pipelineApplied.is(event)) {
      this.spec = event.data.spec;
      this.version = event.pipelineversion;
      this.applied = at;
      this.changes.models += 1;
    }
    if (deadLettered.is(event) && event.data.consumer === 'validation') this.letters.set(event.id, event.data.records);
    if (deadLetterReplayRequested.is(event)) for (const { id } of event.data.letters) this.letters.delete(id);
    if (this.models.apply(event, at)) this.changes.models += 1;
    if (this.turns.apply(event, at)) this.changes.turns += 1;
    if (this.windows.apply(event)) this.changes.windows += 1;
    if (this.rollouts.apply(event, at)) this.changes.turns += 1;
    this.watchQuality(event, at);
  }

  alarm(alarm: AlarmView): void {
    this.alarms = [...this.alarms, alarm].slice(-alarmsKept);
    this.changes.alarms += 1;
  }

  summary(now: number | null = null): PipelineSummary {
    const running = this.turns.running();
    const since = running === null ? undefined : running.turn.stages[running.stage];
    return {
      name: this.name,
      version: this.version,
      description: this.spec?.description ?? '',
      task: this.spec?.train.task ?? '',
      metric: this.spec?.evaluate.metrics[0]?.name ?? '',
      champion: this.models.champion,
      frozen: this.models.frozen,
      turn:
        running === null || since === undefined
          ? null
          : { id: running.id, reason: running.turn.reason, stage: running.stage, since },
      rollout: this.rollouts.current(),
      pinned: this.rollouts.pinned,
      now: now ?? this.latest,
    };
  }

  /** The whole state but for the long lists. `counts` are those of the checkpoints, `now` the pipeline's business time. */
  state(counts: LiveCounts = noCounts, now: number | null = null): PipelineState {
    const conservation = conservationOf(
      counts,
      [...this.letters.values()].reduce((sum, records) => sum + records, 0),
    );
    return {
      ...this.summary(now),
      applied: this.applied,
      window: this.spec?.monitor.window ?? 0,
      trailingWindows: this.spec?.monitor.performance.windows ?? 1,
      minimumRows: this.spec?.train.minimum_rows ?? 0,
      stages: stagesOf(this, counts, conservation, this.failing.length > 0),
      conservation,
      failingShards: this.failing,
      alarms: this.alarms,
      revisions: this.revisions(),
    };
  }

  private watchQuality(event: Event, at: Moment): void {
    if (driftDetected.is(event)) {
      const { kind, causes } = event.data;
      const what = kind === 'performance' ? 'realised quality fell' : 'inputs drifted';
      this.alarm({ at, kind, message: `${what} for long enough to count`, causes });
    }
    if (dataQualityFailed.is(event)) {
      const { shard, breaches } = event.data;
      this.failing = [...new Set([...this.failing, shard])];
      const message = breaches.map((breach) => breach.message).join('; ');
      this.alarm({ at, kind: 'data-quality', message, causes: [] });
    }
    if (dataQualityRecovered.is(event)) {
      this.failing = this.failing.filter((shard) => shard !== event.data.shard);
      this.changes.alarms += 1;
    }
  }
}
