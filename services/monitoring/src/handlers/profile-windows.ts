import {
  type DataOf,
  dataValidated,
  type LoggedEvent,
  predictionLogged,
  rolloutObserved,
  rowAddress,
  windowProfiled,
} from '@relearn/contracts';
import { emission, type Emission, type FoldDefinition, type Shard } from '@relearn/runtime';
import { RolloutWatch, type SavedWatch } from '../domain/rollout/watch.js';
import { type SavedShard, ShardState } from '../domain/shard-state.js';
import type { References } from './references.js';

interface PipelineWindows {
  version: number;
  state: ShardState;
  /** Of the last model that was rolled out. */
  watch?: RolloutWatch;
}

/** A shard's pipelines by name. */
type MonitoringShard = Map<string, PipelineWindows>;

const text = new TextEncoder();
const utf8 = new TextDecoder();

/** Joins predictions with labels and emits each window's counts once it is complete. */
export function profileWindows(references: References): FoldDefinition<MonitoringShard> {
  return {
    service: 'monitoring',
    topics: ['data.valid', 'predictions'],
    sequenced: () => true,
    async open(shard, saved) {
      const state: MonitoringShard = new Map();
      for (const [name, bytes] of saved) {
        const { version, windows, models, watch } = JSON.parse(utf8.decode(bytes)) as SavedPart;
        const { spec } = await shard.ports.catalog.known(name, version);
        for (const model of models) await references.load(shard.ports, name, model);
        const profileOf = references.profileOf(name);
        const watching = watch === undefined ? {} : { watch: new RolloutWatch(spec, watch.model, watch) };
        state.set(name, { version, state: new ShardState(spec, windows, profileOf), ...watching });
      }
      return state;
    },
    // Of requests to a model that no pipeline owns there are no labels, and there is nothing to compare with.
    concerns: ({ pipelineversion }) => pipelineversion !== 0,
    async apply(state, event, fromRow, shard) {
      const pipeline = await pipelineOf(state, event, shard);
      const { state: windows } = pipeline;
      const profileOf = references.profileOf(event.pipeline);
      const observed: Emission[] = [];
      if (dataValidated.is(event)) {
        const { data } = dataValidated.read(event);
        const addresses = data.order.map((_, index) => rowAddress(event.position, index));
        windows.takeRecords(data, addresses, fromRow, profileOf);
      } else if (predictionLogged.is(event)) {
        const { data } = predictionLogged.read(event);
        for (const { arm, model } of data.arms) {
          if (arm === 'champion') await references.load(shard.ports, event.pipeline, model);
        }
        windows.takePredictions(data, fromRow, profileOf);
        observed.push(...watched(pipeline, event, data, fromRow, shard));
      }
      const closed = windows.close(shard.partition);
      return [...observed, ...closed.map((profiled) => profiledEvent(event, profiled, shard.partition))];
    },
    save(state) {
      const parts = new Map<string, Uint8Array>();
      for (const [name, { version, state: windows, watch }] of state) {
        const saved = windows.save();
        const models = [...new Set(saved.windows.flatMap((window) => window.models.map((model) => model.model)))];
        const watching = watch === undefined ? {} : { watch: watch.save() };
        const part: SavedPart = { version, windows: saved, models, ...watching };
        parts.set(name, text.encode(JSON.stringify(part)));
      }
      return parts;
    },
  };
}

interface SavedPart {
  readonly version: number;
  readonly windows: SavedShard;
  /** Models whose counts are in open windows: their references are needed to go on. */
  readonly models: readonly number[];
  readonly watch?: SavedWatch;
}

/** The pipeline's windows; a version that changes what is counted starts them anew. */
async function pipelineOf(state: MonitoringShard, event: LoggedEvent, shard: Shard): Promise<PipelineWindows> {
  const known = state.get(event.pipeline);
  if (known !== undefined && known.version >= event.pipelineversion) return known;
  const { spec, version } = await shard.ports.catalog.known(event.pipeline, event.pipelineversion);
  const before = known === undefined ? undefined : shard.ports.catalog.version(event.pipeline, known.version)?.spec;
  const sameGrid =
    before !== undefined &&
    before.monitor.window === spec.monitor.window &&
    before.label.max_delay === spec.label.max_delay &&
    before.train.task === spec.train.task &&
    before.label.classes.length === spec.label.classes.length;
  const next = { version, state: known !== undefined && sameGrid ? known.state : new ShardState(spec) };
  state.set(event.pipeline, next);
  return next;
}

/** What the event says of the model that is rolled out, once there is enough of it. A prediction of an earlier one is late. */
function watched(
  pipeline: PipelineWindows,
  event: LoggedEvent,
  data: DataOf<typeof predictionLogged>,
  fromRow: number,
  { ports, partition }: Shard,
): Emission[] {
  const model = data.rollout;
  const spec = ports.catalog.version(event.pipeline, pipeline.version)?.spec;
  if (model === undefined || spec === undefined || model < (pipeline.watch?.model ?? 0)) return [];
  const watch = pipeline.watch?.model === model ? pipeline.watch : new RolloutWatch(spec, model);
  pipeline.watch = watch;
  watch.take(data, fromRow);
  const counts = watch.news();
  if (counts === null) return [];
  return [
    emission({
      type: rolloutObserved,
      pipeline: event.pipeline,
      pipelineVersion: event.pipelineversion,
      source: `monitoring/${event.pipeline}/${partition}/rollout`,
      sequence: rowAddress(event.position, Math.max(0, data.times.length - 1)),
      time: Date.parse(event.time),
      partition,
      causationId: event.id,
      data: { model, shard: partition, counts },
    }),
  ];
}

type Profiled = ReturnType<ShardState['close']>[number];

/** Windows of a shard close in order, so a window's end numbers its event; `inputs` and `outcomes` are two sources. */
function profiledEvent(event: LoggedEvent, profiled: Profiled, partition: number): Emission {
  return emission({
    type: windowProfiled,
    pipeline: event.pipeline,
    pipelineVersion: event.pipelineversion,
    source: `monitoring/${event.pipeline}/${partition}/${profiled.part}`,
    sequence: Math.floor(profiled.end / 1000),
    time: profiled.end,
    partition,
    causationId: event.id,
    data: profiled,
  });
}
