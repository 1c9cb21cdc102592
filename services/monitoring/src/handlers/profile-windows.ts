import { type LoggedEvent, dataValidated, predictionLogged, rowAddress, windowProfiled } from '@relearn/contracts';
import { emission, type Emission, type FoldDefinition, type Shard } from '@relearn/runtime';
import { type SavedShard, ShardState } from '../domain/shard-state.js';
import type { References } from './references.js';

interface PipelineWindows {
  version: number;
  state: ShardState;
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
        const { version, windows, models } = JSON.parse(utf8.decode(bytes)) as SavedPart;
        const { spec } = await shard.ports.catalog.known(name, version);
        for (const model of models) await references.load(shard.ports, name, model);
        const profileOf = references.profileOf(name);
        state.set(name, { version, state: new ShardState(spec, windows, profileOf) });
      }
      return state;
    },
    async apply(state, event, fromRow, shard) {
      const { state: windows } = await pipelineOf(state, event, shard);
      const profileOf = references.profileOf(event.pipeline);
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
      }
      return windows.close(shard.partition).map((profiled) => profiledEvent(event, profiled, shard.partition));
    },
    save(state) {
      const parts = new Map<string, Uint8Array>();
      for (const [name, { version, state: windows }] of state) {
        const saved = windows.save();
        const models = [...new Set(saved.windows.flatMap((window) => window.models.map((model) => model.model)))];
        const part: SavedPart = { version, windows: saved, models };
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
