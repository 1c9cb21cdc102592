import { mulberry32 } from '@relearn/kernel';
import { parsePipeline } from '@relearn/platform';

const minute = 60_000;
export const start = Date.UTC(2024, 0, 1);
export const pipelineName = 'sim';

type Row = Record<string, string | number | boolean>;

/** What a producer sends at once, in this order. */
export interface Shipment {
  readonly stream: 'rows' | 'labels';
  /** Business time at which it is sent, ms. */
  readonly now: number;
  readonly records: readonly Row[];
}

export interface Story {
  readonly spec: ReturnType<typeof parsePipeline>['spec'];
  readonly digest: string;
  readonly shipments: readonly Shipment[];
  /** Ids that a contract refuses, by stream. */
  readonly broken: ReadonlySet<string>;
  /** Business time to which the data's end is moved, so that every window closes. */
  readonly end: number;
}

export interface StoryOptions {
  /** Different data. */
  readonly data: number;
  readonly sharded: boolean;
  /** Machine time of a turn. */
  readonly deadline: string;
  /** Of training: another one is another version. */
  readonly seed: number;
  /** Models after the first are tried beside the champion; rows of the stream judge them. */
  readonly tried: boolean;
}

/** With shards each of them makes more events. */
const rowsOf = (sharded: boolean) => (sharded ? 80 : 110);
/** Share of the labels after which the next turn begins: a model that is tried needs rows after it. */
const volumeOf = (tried: boolean) => (tried ? 0.33 : 0.45);
const spacing = 10 * minute;
const delay = 10 * minute;

function pipelineFile({ sharded, deadline, seed, tried }: StoryOptions): string {
  return `name: ${pipelineName}
source:
  rows: { time: at, id: [id] }
${sharded ? '  shard_by: kind\n' : ''}schema:
  columns:
    id: string
    at: timestamp
    x: { type: number, range: [0, 1] }
    kind: { type: category, values: [red, blue] }
    late: { type: boolean, known_at: label }
  window: { every: 5h, quarantine_share: 0.6 }
label: { column: late, delay: 10m, max_delay: 2h }
features:
  - x
  - kind
  - { name: late_before, aggregate: mean, of: label, by: [kind], window: 4h }
train:
  task: binary
  minimum_rows: 12
  hold_out: 0.4
  window: 8h
  deadline: ${deadline}
  seed: ${seed}
  candidates: [{ trainer: logistic }]
evaluate:
  metrics: [accuracy]
  champion: { tolerance: 0.1, rounds: 100 }
${tried ? 'rollout: { strategy: canary, requests: 15, limit: 4h, judge: { min_agreement: 0.6 } }\n' : ''}monitor:
  window: 3h
  drift: { threshold: 0.3 }
retrain:
  performance: null
  drift: null
  volume: { labels: ${Math.round(rowsOf(sharded) * volumeOf(tried))} }
  cooldown: 1h
  minimum_labels: 20
  budget: { turns: 20, per: 60d }
`;
}

const stories = new Map<string, Story>();

/** Rows and their labels, which make some 300 events. In a pipeline with shards the two values of `kind` are in different ones. */
export function tell(options: StoryOptions): Story {
  const key = JSON.stringify(options);
  const story = stories.get(key) ?? invent(options);
  stories.set(key, story);
  return story;
}

function invent(options: StoryOptions): Story {
  const next = mulberry32(options.data + 1);
  const rows = rowsOf(options.sharded);
  const broken = new Set<string>();
  const shipments: Shipment[] = [];
  /** Labels of the rows before, which come after the rows that follow these. */
  let known: Shipment | null = null;
  for (let from = 0; from < rows; ) {
    const to = Math.min(rows, from + 3 + Math.floor(next() * 12));
    const sent: Row[] = [];
    const labels: Row[] = [];
    for (let index = from; index < to; index++) {
      const at = start + index * spacing;
      const id = `r${index}`;
      const x = Math.round(next() * 1000) / 1000;
      const kind = next() < 0.5 ? 'red' : 'blue';
      const bad = next() < 0.04;
      const late = x > 0.5 !== next() < 0.05;
      if (bad) broken.add(`rows/${id}`);
      sent.push({ id, at: new Date(at).toISOString(), x: bad ? 7 : x, kind });
      const shard = options.sharded ? { kind } : {};
      labels.push({ event_id: id, value: late, known_at: new Date(at + delay).toISOString(), ...shard });
    }
    const now = start + (to - 1) * spacing;
    shipments.push({ stream: 'rows', now, records: sent });
    if (known !== null) shipments.push({ ...known, now });
    known = { stream: 'labels', now, records: labels };
    from = to;
  }
  if (known !== null) shipments.push(known);
  const end = start + rows * spacing + 12 * 60 * minute;
  return { ...parsePipeline(pipelineFile(options), 'simulation'), shipments, broken, end };
}
