import {
  type DataOf,
  type GradualRollout,
  modelPinned,
  modelPromoted,
  modelUnpinned,
  pipelineEnded,
  predictionLogged,
  rolloutAdvanced,
  rolloutEnded,
  rolloutJudged,
  rolloutStarted,
} from '@relearn/contracts';
import { describe, expect, test } from 'vitest';
import { broken, Story } from './story.js';
import { applied, turn, type Turned } from './turn.js';

const rollouts = 'a rollout keeps its policy';
const ends = 'each request ends once';
const live = "a prediction's model was live";
const stages = 'no later stage after a failed one';

const policy: GradualRollout = {
  strategy: 'canary',
  steps: [0.1, 0.5],
  requests: 10,
  judge: { confidence: 0.99, max_error_increase: 0, max_latency_ratio: null, min_agreement: null, quality: null },
  limit: 1000,
};
const ids = { turn: 'trips-2', request: 'r2', model: 2 };

/** A champion, and a second model that has passed and is not promoted yet. */
class Tried {
  readonly story = new Story();
  private readonly first: Turned;
  private readonly second: Turned;

  constructor(verdict: 'passed' | 'rejected' = 'passed') {
    applied(this.story);
    this.first = turn(this.story, { number: 1 });
    const champion = { model: 1, bundle: this.first.bundle };
    const change = { promoted: null, ended: null, evaluated: { verdict } };
    this.second = turn(this.story, { number: 2, champion, frozen: champion, change });
  }

  started(change: Partial<DataOf<typeof rolloutStarted>> = {}): this {
    const { bundle, reference, events } = this.second;
    const champion = { model: 1, bundle: this.first.bundle };
    const record = events.evaluated?.id ?? '';
    const data = { ...ids, bundle, reference, champion, policy, evidence: record, gates: [], ...change };
    this.story.emit('registry', rolloutStarted, data);
    return this;
  }

  advanced(step = 1, share = 0.5): this {
    this.story.emit('registry', rolloutAdvanced, { ...ids, step, share });
    return this;
  }

  promoted(): this {
    const { bundle, reference, events } = this.second;
    const frozen = { model: 1, bundle: this.first.bundle };
    const record = { kind: 'evaluation' as const, event: events.evaluated?.id ?? '' };
    const move = { model: 2, bundle, reference, from: frozen, evidence: record, frozen };
    this.story.emit('registry', modelPromoted, { turn: 'trips-2', ...move, gates: [] });
    return this;
  }

  ended(outcome: 'promoted' | 'rolled-back'): this {
    this.story.emit('registry', rolloutEnded, { ...ids, outcome, reasons: [] });
    const end = { ...ids, requestReason: 'manual' as const, detail: '' };
    const { model: _, ...rest } = end;
    this.story.emit('registry', pipelineEnded, { ...rest, outcome: outcome === 'promoted' ? 'promoted' : 'no-model' });
    return this;
  }

  predicted(data: Partial<DataOf<typeof predictionLogged>>): this {
    const nothing = { ids: [], times: [], at: [], inputs: {}, arms: [], watermark: null };
    this.story.emit('serving', predictionLogged, { kind: 'request', ...nothing, ...data });
    return this;
  }

  async found(): Promise<string[]> {
    return broken(await this.story.violations());
  }
}

const challenger = { arm: 'challenger' as const, model: 2, outputs: {} };

describe('given a rollout', () => {
  test('that is promoted step by step, or rolled back, nothing is found', async () => {
    expect(await new Tried().started().advanced().promoted().ended('promoted').found()).toEqual([]);
    expect(await new Tried().started().ended('rolled-back').found()).toEqual([]);
  });

  test('that goes on at rest, its request may be without an end', async () => {
    expect(await new Tried().started().found()).toEqual([]);
    expect(await new Tried().found()).toEqual([ends]);
  });

  test('a verdict that comes when a person has ended it changes nothing and is none', async () => {
    const tried = new Tried().started().ended('rolled-back');
    const counts = { requests: 1, totalRequests: 1, rows: 0, measures: [], evidence: 0, threshold: 100 };
    tried.story.emit('monitoring', rolloutJudged, { ...ids, step: 0, verdict: 'promote', reasons: [], ...counts });
    expect(await tried.found()).toEqual([]);
  });

  test.each<[string, () => Tried, string[]]>([
    ['on a record that did not pass', () => new Tried('rejected').started(), [rollouts, stages]],
    ['without a record', () => new Tried().started({ evidence: 'nothing' }), [rollouts]],
    ['of another bundle than the record is for', () => new Tried().started({ bundle: 'other' }), [rollouts]],
    [
      'against a model that is not champion',
      () => new Tried().started({ champion: { model: 7, bundle: 'seven' } }),
      [rollouts],
    ],
    ['that advances by two steps', () => new Tried().started().advanced(2, 0.5), [rollouts]],
    ['that advances to another share', () => new Tried().started().advanced(1, 0.4), [rollouts]],
    ['that begins twice', () => new Tried().started().started(), [rollouts, stages]],
    ['that ends as promoted without a promotion', () => new Tried().started().ended('promoted'), [rollouts]],
    ['that ends as rolled back with one', () => new Tried().started().promoted().ended('rolled-back'), [rollouts]],
    ['that advances after its end', () => new Tried().started().ended('rolled-back').advanced(), [rollouts, stages]],
  ])('one %s is found', async (_, told, expected) => {
    expect((await told().found()).sort()).toEqual([...expected].sort());
  });
});

describe('predictions of a challenger', () => {
  test('are its own while it was rolled out, as answers of a canary and beside those of the champion', async () => {
    const champion = { arm: 'champion' as const, model: 1, outputs: {} };
    const tried = new Tried().started();
    tried.predicted({ arms: [challenger], rollout: 2 });
    tried.predicted({ kind: 'mirror', arms: [challenger, champion], rollout: 2 });
    tried.predicted({ kind: 'stream', arms: [champion, challenger], rollout: 2 });
    expect(await tried.found()).toEqual([]);
  });

  test('of a model that was never rolled out are found', async () => {
    expect(
      await new Tried()
        .ended('rolled-back')
        .predicted({ arms: [challenger] })
        .found(),
    ).toContain(live);
    expect(await new Tried().started().predicted({ rollout: 7 }).found()).toEqual([rollouts]);
  });

  test('as an answer of a shadow are found', async () => {
    const shadow = { policy: { ...policy, strategy: 'shadow' as const, steps: [0] } };
    const tried = new Tried().started(shadow);
    expect(await tried.predicted({ arms: [challenger], rollout: 2 }).found()).toEqual([rollouts]);
  });
});

describe('given a pin', () => {
  test('a move of the alias is found, until it is unpinned', async () => {
    const told = (unpinned: boolean) => {
      const tried = new Tried().started();
      tried.story.emit('registry', modelPinned, { model: 1, reason: '' });
      if (unpinned) tried.story.emit('registry', modelUnpinned, { model: 1, reason: '' });
      return tried.promoted().ended('promoted');
    };
    expect(await told(true).found()).toEqual([]);
    expect(await told(false).found()).toEqual([rollouts]);
  });
});
