import type { Bus } from '@relearn/bus';
import {
  clockStream,
  type Columns,
  driftReported,
  featuresComputed,
  performanceReported,
  predictionLogged,
  windowProfiled,
} from '@relearn/contracts';
import { eventsOf, recordsIn, taken } from '../e2e/log.js';

/** What a pipeline's input has become: the same wherever, and on however many instances, it was worked on. */
export interface Outcome {
  /** Monitoring's reports on windows, merged of all shards: their bytes, in the order of the log. */
  readonly merged: readonly string[];
  /** Each shard's profiles, without the place in the log. */
  readonly profiles: readonly string[];
  /** Stream and id of what is in `data.valid`. */
  readonly valid: readonly string[];
  /** The feature rows. */
  readonly features: readonly string[];
  /** What each model said of each row. */
  readonly predictions: readonly string[];
}

/** Reads the log by the sequence rule. */
export async function outcomeOf(bus: Bus, pipeline: string): Promise<Outcome> {
  const monitoring = (await eventsOf(bus, 'monitoring')).filter((event) => event.pipeline === pipeline);
  const valid = (await recordsIn(bus, 'data.valid')).filter((record) => record.pipeline === pipeline);
  return {
    merged: monitoring
      .filter((event) => driftReported.is(event) || performanceReported.is(event))
      .map(({ type, data }) => `${type} ${JSON.stringify(data)}`),
    profiles: monitoring
      .filter((event) => windowProfiled.is(event))
      .map((event) => JSON.stringify({ ...windowProfiled.read(event).data, read: 0 }))
      .sort(),
    valid: valid
      .filter(({ stream }) => stream !== clockStream)
      .map(({ stream, id }) => `${stream} ${id}`)
      .sort(),
    features: await featureRows(bus, pipeline),
    predictions: await predictedRows(bus, pipeline),
  };
}

async function featureRows(bus: Bus, pipeline: string): Promise<string[]> {
  const events = (await taken(bus, 'features')).filter(({ event }) => event.pipeline === pipeline);
  const rows = events.flatMap(({ event, fromRow }) => {
    const { ids, columns } = featuresComputed.read(event).data;
    return ids.map((id, row) => `${id} ${cellsOf(columns, row)}`).slice(fromRow);
  });
  return rows.sort();
}

async function predictedRows(bus: Bus, pipeline: string): Promise<string[]> {
  const events = (await taken(bus, 'predictions')).filter(({ event }) => event.pipeline === pipeline);
  const rows = events.flatMap(({ event, fromRow }) => {
    const { ids, arms } = predictionLogged.read(event).data;
    const said = (row: number) =>
      arms.map(({ arm, model, outputs }) => `${arm} ${model} ${cellsOf(outputs, row)}`).join(' ');
    return ids.map((id, row) => `${id} ${said(row)}`).slice(fromRow);
  });
  return rows.sort();
}

function cellsOf(columns: Columns, row: number): string {
  return JSON.stringify(Object.entries(columns).map(([name, cells]) => [name, cells[row]]));
}
