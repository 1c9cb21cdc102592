import { defineEvent, type Event, type LoggedEvent, rowAddress, Type } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { emission, type Emission, type FoldDefinition, type Shard } from '@relearn/runtime';

const closed = { additionalProperties: false } as const;
const numbers = Type.Array(Type.Number());

/** Rows with values; `at` are the addresses of the input rows that they were made from. */
export const toyRows = defineEvent({
  name: 'toy.rows',
  version: 1,
  topic: 'data.valid',
  data: Type.Object({ at: numbers, values: numbers, poison: Type.Optional(Type.String()) }, closed),
});
export const toyOthers = defineEvent({ name: 'toy.others', version: 1, topic: 'predictions', data: toyRows.schema });

/** One row out for each row in: its value and the sum so far. */
export const toySums = defineEvent({
  name: 'toy.sums',
  version: 1,
  topic: 'features',
  data: Type.Object({ at: numbers, values: numbers, sums: numbers }, closed),
});

/** Every so many rows: how many there were, and the blob that holds the last of them. */
export const toyNoted = defineEvent({
  name: 'toy.noted',
  version: 1,
  topic: 'monitoring',
  data: Type.Object({ count: Type.Integer(), sum: Type.Number(), blob: Type.String() }, closed),
});

export const noteEvery = 7;

interface Sums {
  count: number;
  sum: number;
  recent: number[];
}
/** By pipeline and topic. */
type ToyState = Map<string, Sums>;

const text = new TextEncoder();
const utf8 = new TextDecoder();

export interface ToyFoldOptions {
  /** Called for each row that is applied. */
  readonly onRow?: (value: number) => void;
  /** Throws for a poisoned event: for `invalid` before its first row, for others once some of its rows have been taken. */
  readonly onPoison?: (poison: string) => void;
  /** Called before each record that may change what the state is, with its first row's address. */
  readonly onPrepare?: (next: number) => void;
}

/** A fold whose every row counts: it sums, notes and keeps blobs. */
export function toyFold({ onRow, onPoison, onPrepare }: ToyFoldOptions = {}): FoldDefinition<ToyState> {
  return {
    service: 'toy',
    topics: ['data.valid', 'predictions'],
    sequenced: () => true,
    open: (_shard, saved) => new Map([...saved].map(([name, bytes]) => [name, JSON.parse(utf8.decode(bytes)) as Sums])),
    prepare(_state, next) {
      onPrepare?.(next);
      return Promise.resolve(false);
    },
    apply(state, logged, fromRow, shard) {
      const { data } = (toyRows.is(logged) ? toyRows : toyOthers).read(logged);
      const key = `${logged.pipeline}-${logged.topic}`;
      const sums = state.get(key) ?? { count: 0, sum: 0, recent: [] };
      state.set(key, sums);
      const made = { at: [] as number[], values: [] as number[], sums: [] as number[] };
      const notes: Emission[] = [];
      if (data.poison === 'invalid') onPoison?.(data.poison);
      for (let row = fromRow; row < data.values.length; row++) {
        const value = data.values[row] ?? 0;
        onRow?.(value);
        take(sums, value);
        made.at.push(rowAddress(logged.position, row));
        made.values.push(value);
        made.sums.push(sums.sum);
        if (data.poison !== undefined) onPoison?.(data.poison);
        if (sums.count % noteEvery === 0) notes.push(noteOf(logged, sums, shard));
      }
      return [sumsOf(logged, made, data.values.length, shard.partition), ...notes];
    },
    save: (state) => new Map([...state].map(([key, sums]) => [key, text.encode(JSON.stringify(sums))])),
    counts: (state) => Object.fromEntries([...state].map(([key, { count }]) => [key, { rows: count }])),
  };
}

function take(sums: Sums, value: number): void {
  sums.count += 1;
  sums.sum += value;
  sums.recent = [...sums.recent, value].slice(-noteEvery);
}

function common(event: LoggedEvent, partition: number) {
  return {
    pipeline: event.pipeline,
    pipelineVersion: 1,
    time: Date.parse(event.time),
    partition,
    causationId: event.id,
  };
}

function sumsOf(
  event: LoggedEvent,
  data: { at: number[]; values: number[]; sums: number[] },
  rows: number,
  partition: number,
): Emission {
  const sequence = rowAddress(event.position, Math.max(0, rows - 1));
  const slice = (from: number, to: number) => ({
    sequence: to === data.at.length ? sequence : (data.at[to - 1] ?? sequence),
    data: { at: data.at.slice(from, to), values: data.values.slice(from, to), sums: data.sums.slice(from, to) },
  });
  return emission({
    ...common(event, partition),
    type: toySums,
    source: `toy/${event.pipeline}/${partition}/${event.topic}/features`,
    sequence,
    data,
    rows: { count: data.at.length, slice },
  });
}

function noteOf(event: LoggedEvent, { count, sum, recent }: Sums, shard: Shard): Emission {
  return emission({
    ...common(event, shard.partition),
    type: toyNoted,
    source: `toy/${event.pipeline}/${shard.partition}/${event.topic}/notes`,
    sequence: count / noteEvery,
    data: { count, sum, blob: shard.blob(text.encode(JSON.stringify({ key: event.topic, count, recent }))) },
  });
}

/** An event of rows `[from, to)`, whose values are their numbers; its source has numbered `previous` before. */
export function rowsEvent(
  topic: 'data.valid' | 'predictions',
  pipeline: string,
  from: number,
  to: number,
  previous: number | null,
): Event {
  const source = `upstream/${pipeline}/0/${topic}`;
  const at = Array.from({ length: to - from }, (_, index) => from + index + 1);
  return {
    id: `${source}@${to}`,
    source,
    type: (topic === 'data.valid' ? toyRows : toyOthers).type,
    sequence: to,
    previous,
    time: '2024-01-01T00:00:00.000Z',
    pipeline,
    pipelineversion: 1,
    data: { at, values: at },
  };
}

export function poisonError(poison: string): RelearnError | Error {
  return poison === 'invalid' ? new RelearnError('INVALID_EVENT', 'poison') : new Error(`poison ${poison}`);
}
