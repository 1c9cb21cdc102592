import {
  type Columns,
  dataQuarantined,
  dataValidated,
  labelStream,
  type PipelineSpec,
  predictionLogged,
  recordsOf,
  rowStream,
} from '@relearn/contracts';
import { labelNumber } from '@relearn/features';
import type { Ports } from '@relearn/runtime';
import { eventsOf } from './read-log.js';

/** One row of the row stream and all that became of it. */
export interface BacktestRow {
  readonly time: number;
  label: number | null;
  model: number | null;
  /** One number, or one probability a class. */
  champion: readonly number[] | null;
  frozen: readonly number[] | null;
}

/**
 * Every row in the order of event time, with its label and predictions as the log has them at the end. A quarantined one
 * was a row too; nothing predicted it.
 */
export async function readRows(ports: Ports, spec: PipelineSpec): Promise<BacktestRow[]> {
  const byId = new Map<string, BacktestRow>();
  const rowAt = (time: number): BacktestRow => ({ time, label: null, model: null, champion: null, frozen: null });
  for await (const { event, fromRow } of eventsOf(ports, 'data.quarantine')) {
    for (const { id, stream, time } of dataQuarantined.read(event).data.records.slice(fromRow)) {
      if (stream === rowStream) byId.set(id, rowAt(time));
    }
  }
  for await (const { event, fromRow } of eventsOf(ports, 'data.valid')) {
    for (const record of recordsOf(dataValidated.read(event).data)) {
      if (record.index < fromRow) continue;
      if (record.stream === rowStream) {
        byId.set(record.id, rowAt(record.time));
      } else if (record.stream === labelStream) {
        const { columns } = record.section;
        const row = byId.get(String(columns['event_id']?.[record.row]));
        const value = columns['value']?.[record.row] ?? null;
        const label = labelNumber(spec, typeof value === 'boolean' ? Number(value) : value);
        if (row !== undefined && label !== null) row.label = label;
      }
    }
  }
  for await (const { event, fromRow } of eventsOf(ports, 'predictions')) {
    const { data } = predictionLogged.read(event);
    for (let index = fromRow; index < data.ids.length; index++) {
      const row = byId.get(data.ids[index] ?? '');
      if (row === undefined) continue;
      for (const { arm, model, outputs } of data.arms) {
        const prediction = predictionOf(outputs, index);
        if (arm === 'frozen') row.frozen = prediction;
        else if (arm === 'champion') [row.champion, row.model] = [prediction, model];
      }
    }
  }
  return [...byId.values()].sort((a, b) => a.time - b.time);
}

function predictionOf(outputs: Columns, row: number): number[] | null {
  const names = Object.keys(outputs);
  const several = names.filter((name) => name.startsWith('probabilities['));
  const wanted = several.length > 0 ? several : names.filter((name) => name === 'probability' || name === 'prediction');
  const values = wanted.map((name) => outputs[name]?.[row]);
  return values.length > 0 && values.every((value) => typeof value === 'number') ? values : null;
}
