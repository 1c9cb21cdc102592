import { partitionFor } from '@relearn/contracts';
import { day, firstDay, hour, orders, ordersPipeline, retrainByHand, trips, tripsPipeline } from '../e2e/tables.js';
import { partitions } from '../e2e/world.js';

type Cells = Readonly<Record<string, string | number | boolean>>;

/** What is posted at once, and the time that has then passed. */
export interface Step {
  readonly rows: readonly Cells[];
  readonly labels: readonly Cells[];
  readonly until: number;
}

export interface Input {
  readonly name: string;
  /** The pipeline file. */
  readonly file: string;
  /** Asks for the first model with its last step. */
  readonly history: readonly Step[];
  /** Scored by the first model, and its windows closed. */
  readonly measured: readonly Step[];
}

const perDay = 120;
const days = 8;
/** The labels of four days, but for the few that are still to come, are more than `minimum_rows`; of three they are not. */
const historyDays = 4;
const minimumRows = 450;
const stepMs = 6 * hour;
/** Labels are sent up to a step after they became known, and are overdue later than that. */
const maxDelay = '12h';
/** After the last day, until its labels are overdue. */
const stepsAfter = 2;

const at = (cell: unknown) => Date.parse(String(cell));

/** The rows and labels of a table by the time at which they became known. */
function stepsOf(rows: readonly { readonly time: number; readonly row: Cells; readonly label: Known }[]): Step[] {
  const count = (days * day) / stepMs + stepsAfter;
  return Array.from({ length: count }, (_, step) => {
    const [from, until] = [firstDay + step * stepMs, firstDay + (step + 1) * stepMs];
    const within = (time: number) => time >= from && time < until;
    const known = rows.map(({ label }) => label).filter(({ time }) => within(time));
    return {
      rows: rows.filter(({ time }) => within(time)).map(({ row }) => row),
      labels: known.toSorted((a, b) => a.time - b.time).map(({ time, cells }) => ({ ...cells, known_at: iso(time) })),
      until,
    };
  });
}

interface Known {
  readonly time: number;
  readonly cells: Cells;
}

const iso = (time: number) => new Date(time).toISOString();

function inputOf(name: string, file: string, steps: readonly Step[]): Input {
  const first = (historyDays * day) / stepMs;
  return { name, file, history: steps.slice(0, first), measured: steps.slice(first) };
}

function tripsInput(): Input {
  const rows = trips({ rows: days * perDay, perDay }).map(({ minutes = 0, arrived_at: arrived, ...row }) => ({
    time: at(row['started_at']),
    row,
    label: { time: at(arrived), cells: { event_id: row['trip'] ?? '', value: minutes, city: row['city'] ?? '' } },
  }));
  return inputOf('trips', tripsPipeline(retrainByHand, maxDelay), stepsOf(rows));
}

function ordersInput(name: string): Input {
  const rows = orders({ rows: days * perDay, perDay }).map(({ bought = 0, ...row }) => ({
    time: at(row['at']),
    row,
    label: { time: at(row['at']) + hour, cells: { event_id: row['order_id'] ?? '', value: bought } },
  }));
  return inputOf(name, ordersPipeline({ name, minimumRows, maxDelay, more: retrainByHand }), stepsOf(rows));
}

/** A pipeline on all shards, and four of one shard each, no two of them the same. */
export function inputs(): Input[] {
  const count = Number(partitions);
  const names = Array.from({ length: count }, (_, partition) => {
    const candidates = Array.from({ length: 100 }, (_, number) => `orders-${number}`);
    return candidates.find((name) => partitionFor(name, count) === partition) ?? '';
  });
  return [tripsInput(), ...names.map(ordersInput)];
}
