import {
  type Arm,
  type Columns,
  featuresComputed,
  type LoggedEvent,
  predictionLogged,
  rowAddress,
} from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { emission, type Emission, type FoldDefinition, type InForce, type Shard } from '@relearn/runtime';
import type { ModelHost } from '../inference/model-host.js';
import { columnsByName } from '../inference/values.js';
import type { Deployments } from './deployments.js';

interface PipelineScoring {
  readonly inForce: InForce;
  /** Address in `features` from which the models hold. */
  readonly from: number;
}

/** By pipeline: the models that score its rows in this shard. */
export type ScoringShard = Map<string, PipelineScoring>;

const text = new TextEncoder();
const utf8 = new TextDecoder();

/**
 * Scores each feature row with the champion and, beside it, the frozen first model. A change of models is in the
 * checkpoint before the first row that the new ones score, so a row that is retried is scored by the same version.
 */
export function scoreStream(host: ModelHost, deployments: Deployments): FoldDefinition<ScoringShard> {
  const scored = new WeakMap<ScoringShard, Map<string, number>>();
  return {
    service: 'serving',
    topics: ['features'],
    sequenced: () => true,
    async open(_shard, saved) {
      const bytes = saved.get('in-force');
      const state: ScoringShard = new Map(
        bytes === undefined ? [] : (JSON.parse(utf8.decode(bytes)) as [string, PipelineScoring][]),
      );
      for (const [pipeline, { inForce }] of state) await deployments.ensure(pipeline, inForce);
      const counts = saved.get('counts');
      scored.set(state, new Map(counts === undefined ? [] : (JSON.parse(utf8.decode(counts)) as [string, number][])));
      return state;
    },
    prepare: (state, next, shard) => adopt(state, next, shard, deployments),
    async apply(state, logged, fromRow, shard) {
      const { data } = featuresComputed.read(logged);
      const rows = data.ids.length - fromRow;
      const columns = fromRow === 0 ? data.columns : sliceColumns(data.columns, fromRow, data.ids.length);
      const scoring = state.get(logged.pipeline);
      const arms =
        scoring === undefined || rows === 0 ? [] : await score(host, logged.pipeline, scoring.inForce, columns, shard);
      const counts = scored.get(state);
      if (arms.length > 0) counts?.set(logged.pipeline, (counts.get(logged.pipeline) ?? 0) + rows);
      for (const { arm, model } of arms) {
        const labels = { pipeline: logged.pipeline, model: String(model), arm, kind: 'stream' };
        shard.ports.telemetry.metrics.predictions.add(labels, rows);
      }
      const kept = arms.length > 0 ? fromRow : data.ids.length;
      return [predictions(logged, { ...data, columns }, fromRow, kept, arms, shard.partition)];
    },
    save: (state) =>
      new Map([
        ['in-force', text.encode(JSON.stringify([...state]))],
        ['counts', text.encode(JSON.stringify([...(scored.get(state) ?? [])]))],
      ]),
    counts: (state) =>
      Object.fromEntries([...(scored.get(state) ?? [])].map(([pipeline, rows]) => [pipeline, { scored: rows }])),
  };
}

/** Takes over models that have been promoted and are loaded; true when the checkpoint must say so before the next row. */
async function adopt(state: ScoringShard, next: number, shard: Shard, deployments: Deployments): Promise<boolean> {
  let changed = false;
  for (const pipeline of shard.ports.catalog.names()) {
    const move = shard.ports.catalog.inForce(pipeline);
    if (move === undefined || !shard.ports.catalog.latest(pipeline)?.shards.includes(shard.partition)) continue;
    if ((state.get(pipeline)?.inForce.position ?? -1) >= move.position) continue;
    try {
      await deployments.ensure(pipeline, move);
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      shard.ports.telemetry.log.error(
        { pipeline, code: error.code },
        `the promoted model cannot be loaded: ${error.describe()}`,
      );
      continue;
    }
    state.set(pipeline, { inForce: move, from: next });
    changed = true;
  }
  return changed;
}

async function score(
  host: ModelHost,
  pipeline: string,
  { champion, frozen }: InForce,
  columns: Columns,
  shard: Shard,
): Promise<Arm[]> {
  const models = [...new Set([champion.model, ...(frozen === null ? [] : [frozen.model])])];
  const runs = await Promise.all(models.map((model) => runArm(host, pipeline, model, columns, shard)));
  const outputsOf = (model: number) => runs[models.indexOf(model)] ?? null;
  const arms = [{ arm: 'champion' as const, model: champion.model }];
  const wanted = frozen === null ? arms : [...arms, { arm: 'frozen' as const, model: frozen.model }];
  return wanted.flatMap(({ arm, model }) => {
    const outputs = outputsOf(model);
    return outputs === null ? [] : [{ arm, model, outputs }];
  });
}

/** Null when the model cannot take the rows: a changed feature set no longer has what an older model asks for. */
async function runArm(
  host: ModelHost,
  pipeline: string,
  model: number,
  columns: Columns,
  shard: Shard,
): Promise<Columns | null> {
  try {
    const { label: _, ...outputs } = columnsByName(await host.run(pipeline, model, columns));
    return outputs;
  } catch (thrown) {
    const error = RelearnError.from(thrown);
    if (error.code !== 'INVALID_INPUT') throw error;
    shard.ports.telemetry.log.warn({ pipeline, model, code: error.code }, `rows not scored: ${error.message}`);
    return null;
  }
}

function sliceColumns(columns: Columns, from: number, to: number): Columns {
  return Object.fromEntries(Object.entries(columns).map(([name, cells]) => [name, cells.slice(from, to)]));
}

type Features = ReturnType<typeof featuresComputed.read>['data'];

/** Without a model the event has no rows and only carries the watermark on. `kept`: first row of `data` that is logged. */
function predictions(
  event: LoggedEvent,
  data: Features,
  fromRow: number,
  kept: number,
  arms: Arm[],
  partition: number,
): Emission {
  const total = data.ids.length;
  const sequence = rowAddress(event.position, Math.max(0, total - 1));
  const slice = (from: number, to: number) => {
    const [first, last] = [kept + from, kept + to];
    return {
      sequence: last === total ? sequence : rowAddress(event.position, last - 1),
      data: {
        kind: 'stream' as const,
        ids: data.ids.slice(first, last),
        times: data.times.slice(first, last),
        at: Array.from({ length: to - from }, (_, index) => rowAddress(event.position, first + index)),
        inputs: arms.length === 0 ? {} : sliceColumns(data.columns, first - fromRow, last - fromRow),
        arms: arms.map((arm) => ({ ...arm, outputs: sliceColumns(arm.outputs, first - fromRow, last - fromRow) })),
        watermark: data.watermark,
      },
    };
  };
  const count = total - kept;
  return emission({
    type: predictionLogged,
    pipeline: event.pipeline,
    pipelineVersion: event.pipelineversion,
    source: `serving/${event.pipeline}/${partition}/predictions`,
    time: Date.parse(event.time),
    partition,
    causationId: event.id,
    ...slice(0, count),
    rows: { count, slice },
  });
}
