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
import {
  countScored,
  openScoring,
  predictionsSource,
  saveScoring,
  scoredCounts,
  type ScoringShard,
} from './scoring-shard.js';

/**
 * Scores each feature row with the champion and, beside it, the frozen first model and one that is rolled out. A change of models is
 * in the checkpoint before the first row that the new ones score: so a row that is retried is scored by the same version.
 */
export function scoreStream(host: ModelHost, deployments: Deployments): FoldDefinition<ScoringShard> {
  /** By pipeline and shard the position of the last move that could not be made: each is told of once. */
  const told = new Map<string, number>();
  return {
    service: 'serving',
    topics: ['features'],
    sequenced: () => true,
    async open({ partition }, saved) {
      const state = openScoring(saved);
      for (const [pipeline, { inForce }] of state.models) await deployments.hold(pipeline, partition, inForce);
      return state;
    },
    release: (partition) => void deployments.release(partition),
    prepare: (state, next, shard) => adopt(state.models, next, shard, deployments, told),
    async apply(state, logged, fromRow, shard) {
      const { data } = featuresComputed.read(logged);
      const rows = data.ids.length - fromRow;
      const columns = fromRow === 0 ? data.columns : sliceColumns(data.columns, fromRow, data.ids.length);
      const scoring = state.models.get(logged.pipeline);
      const scored =
        scoring === undefined || rows === 0
          ? { arms: [] }
          : await score(
              host,
              logged.pipeline,
              loadedOf(logged.pipeline, scoring.inForce, host, deployments),
              columns,
              shard,
            );
      const { arms } = scored;
      if (arms.length > 0) countScored(state, logged.pipeline, rows);
      for (const { arm, model } of arms) {
        const labels = { pipeline: logged.pipeline, model: String(model), arm, kind: 'stream' };
        shard.ports.telemetry.metrics.predictions.add(labels, rows);
      }
      const kept = arms.length > 0 ? fromRow : data.ids.length;
      return [predictions(logged, { ...data, columns }, fromRow, kept, scored, shard.partition)];
    },
    save: saveScoring,
    counts: scoredCounts,
  };
}

/** Takes over models that have been promoted and are loaded; true when the checkpoint must say so before the next row. */
async function adopt(
  models: ScoringShard['models'],
  next: number,
  shard: Shard,
  deployments: Deployments,
  told: Map<string, number>,
): Promise<boolean> {
  let changed = false;
  for (const pipeline of shard.ports.catalog.names()) {
    const move = shard.ports.catalog.inForce(pipeline);
    if (move === undefined || !shard.ports.catalog.latest(pipeline)?.shards.includes(shard.partition)) continue;
    if ((models.get(pipeline)?.inForce.position ?? -1) >= move.position) continue;
    try {
      await deployments.hold(pipeline, shard.partition, move);
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      const key = `${pipeline}/${shard.partition}`;
      if (told.get(key) !== move.position) {
        const message = `rows are scored by the model before, as the promoted one cannot be loaded: ${error.describe()}`;
        shard.ports.telemetry.log.error({ pipeline, code: error.code }, message);
      }
      told.set(key, move.position);
      continue;
    }
    models.set(pipeline, { inForce: move, from: next });
    changed = true;
  }
  return changed;
}

interface Scored {
  readonly arms: Arm[];
  /** The model that is rolled out, where rows tell on it: one of both arms could be asked. */
  readonly rollout?: number;
}

/**
 * Without a challenger that is not loaded, here or any more: its rows would tell nothing of the model. And without a frozen
 * model that has been refused.
 */
function loadedOf(pipeline: string, inForce: InForce, host: ModelHost, deployments: Deployments): InForce {
  const { challenger, frozen, ...rest } = inForce;
  const beside = frozen !== null && host.holds(pipeline, frozen.model) ? frozen : null;
  const tried = challenger !== undefined && deployments.tries(pipeline, challenger.model) ? { challenger } : {};
  return { ...rest, frozen: beside, ...tried };
}

async function score(
  host: ModelHost,
  pipeline: string,
  { champion, frozen, challenger }: InForce,
  columns: Columns,
  shard: Shard,
): Promise<Scored> {
  const wanted = [
    { arm: 'champion' as const, model: champion.model },
    ...(frozen === null ? [] : [{ arm: 'frozen' as const, model: frozen.model }]),
    ...(challenger === undefined ? [] : [{ arm: 'challenger' as const, model: challenger.model }]),
  ];
  const models = [...new Set(wanted.map(({ model }) => model))];
  const runs = await Promise.all(
    models.map((model) => runArm(host, pipeline, model, columns, shard, model === challenger?.model)),
  );
  const arms = wanted.flatMap(({ arm, model }) => {
    const outputs = runs[models.indexOf(model)] ?? null;
    return outputs === null ? [] : [{ arm, model, outputs }];
  });
  return challenger === undefined ? { arms } : { arms, rollout: challenger.model };
}

/**
 * Null when the model cannot take the rows: a changed feature set no longer has what an older model asks for. One that is
 * tried keeps nobody's rows: null where it fails, whatever the reason.
 */
async function runArm(
  host: ModelHost,
  pipeline: string,
  model: number,
  columns: Columns,
  shard: Shard,
  tried: boolean,
): Promise<Columns | null> {
  try {
    const { label: _, ...outputs } = columnsByName(await host.run(pipeline, model, columns));
    return outputs;
  } catch (thrown) {
    const error = RelearnError.from(thrown);
    const { code, message } = error;
    const untaken = code === 'INVALID_INPUT';
    if (!untaken && !tried) throw error;
    const told = untaken ? `rows not scored: ${message}` : `the challenger failed: ${message}`;
    shard.ports.telemetry.log.warn({ pipeline, model, code }, told);
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
  { arms, rollout }: Scored,
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
        ...(rollout === undefined || to === from ? {} : { rollout }),
      },
    };
  };
  const count = total - kept;
  return emission({
    type: predictionLogged,
    pipeline: event.pipeline,
    pipelineVersion: event.pipelineversion,
    source: predictionsSource(event.pipeline, partition),
    time: Date.parse(event.time),
    partition,
    causationId: event.id,
    ...slice(0, count),
    rows: { count, slice },
  });
}
