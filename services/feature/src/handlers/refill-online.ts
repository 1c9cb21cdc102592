import type { StoredRecord } from '@relearn/bus';
import {
  dataValidated,
  decodeEvent,
  type Event,
  featuresComputed,
  positionOf,
  recordsOf,
  rowAddress,
  rowStream,
} from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import type { Shard } from '@relearn/runtime';
import type { PipelineState } from '../domain/pipeline-state.js';

type Pipelines = ReadonlyMap<string, PipelineState>;

/** How far back the log is read: a view that is made anew must not hold up a start. */
const mostRows = 20_000;
const mostRecords = 500;
const chunk = 50;
const limits = { maxRecords: chunk, maxBytes: 4 * 1024 * 1024 };
/** Main-thread time after which other work gets a turn. */
const sliceMs = 8;

interface ComputedRow {
  readonly pipeline: PipelineState;
  readonly id: string;
  readonly time: number;
  readonly features: Readonly<Record<string, string | number | boolean | null>>;
}

/**
 * Fills the view of entities' last rows, which is in no checkpoint, from the newest computed rows of the shard and the valid
 * rows that they were computed of. What cannot be read now comes with the entities' next rows.
 */
export async function refillOnline(pipelines: Pipelines, shard: Shard): Promise<void> {
  const wanted = [...pipelines].filter(([, { spec }]) => spec.entity.length > 0);
  if (wanted.length === 0) return;
  try {
    const computed = await newestComputed(new Map(wanted), shard);
    await takeEntities(computed, shard);
  } catch (thrown) {
    const { code, message } = RelearnError.from(thrown);
    const { partition, ports } = shard;
    ports.telemetry.log.warn({ code, partition }, `online features begin empty: ${message}`);
  }
}

/** Computed rows by the address of their valid row, newest chunks first, until there are enough. */
async function newestComputed(pipelines: Pipelines, shard: Shard): Promise<ReadonlyMap<number, ComputedRow>> {
  const { partition, ports } = shard;
  const { first = 0, end = 0 } = (await ports.bus.bounds('features'))[partition] ?? {};
  const rows = new Map<number, ComputedRow>();
  for (let below = end; below > Math.max(first, end - mostRecords) && rows.size < mostRows; below -= chunk) {
    await readEvents(shard, 'features', Math.max(first, below - chunk), below, (event) => {
      const pipeline = pipelines.get(event.pipeline);
      if (pipeline === undefined || !featuresComputed.is(event)) return;
      const { ids, times, at, columns } = event.data;
      // Rows of an earlier feature set are not what the model is asked with.
      if (!pipeline.hasFeatures(Object.keys(columns))) return;
      for (const [row, address] of at.entries()) {
        const cells = Object.entries(columns).map(([name, values]) => [name, values[row] ?? null] as const);
        const features = Object.fromEntries(cells);
        rows.set(address, { pipeline, id: ids[row] ?? '', time: times[row] ?? 0, features });
      }
    });
  }
  return rows;
}

async function takeEntities(computed: ReadonlyMap<number, ComputedRow>, shard: Shard): Promise<void> {
  const positions = [...computed.keys()].map(positionOf);
  if (positions.length === 0) return;
  const [from, to] = positions.reduce(
    ([least, most], position) => [Math.min(least, position), Math.max(most, position)],
    [Number.POSITIVE_INFINITY, 0],
  );
  await readEvents(shard, 'data.valid', from, to + 1, (event, position) => {
    if (!dataValidated.is(event)) return;
    for (const { stream, section, row, index } of recordsOf(event.data)) {
      const found = stream === rowStream ? computed.get(rowAddress(position, index)) : undefined;
      if (found === undefined) continue;
      const { pipeline, ...last } = found;
      pipeline.online.put(
        pipeline.spec.entity.map((column) => section.columns[column]?.[row] ?? null),
        last,
      );
    }
  });
}

async function readEvents(
  { partition, ports: { bus, kernel } }: Shard,
  topic: 'features' | 'data.valid',
  from: number,
  below: number,
  take: (event: Event, position: number) => void,
): Promise<void> {
  let since = kernel.clock.now();
  for (let position = from; position < below; ) {
    const records: StoredRecord[] = await bus.read(topic, partition, position, limits);
    if (records.length === 0) return;
    for (const record of records) {
      position = record.position + 1;
      if (record.position >= below) return;
      take(decodeEvent(record), record.position);
      if (kernel.clock.now() - since < sliceMs) continue;
      await kernel.clock.breathe();
      since = kernel.clock.now();
    }
  }
}
