import { dataValidated, decodeEvent, type Event, type LoggedEvent, rowAddress } from '@relearn/contracts';
import type { StoredRecord } from '@relearn/bus';
import { encodeSegment } from '@relearn/features';
import { isReplayed, originalOf, replayedIn, rowAddressesOf, Sequences, type Shard } from '@relearn/runtime';
import type { PipelineState } from '../domain/pipeline-state.js';

const limits = { maxRecords: 100, maxBytes: 4 * 1024 * 1024 };

/**
 * Runs the pipeline's valid events that came before `until` through a new feature set, so that it starts with full
 * windows and a full offline log. Reaches as far back as the topic keeps.
 */
export async function backfill(pipeline: PipelineState, name: string, until: LoggedEvent, shard: Shard): Promise<void> {
  const { bus, kernel } = shard.ports;
  const sequences = new Sequences();
  const { first = 0 } = (await bus.bounds('data.valid'))[shard.partition] ?? {};
  let position = first;
  while (position < until.position) {
    const records = await bus.read('data.valid', shard.partition, position, limits);
    if (records.length === 0) return;
    for (const record of records) {
      position = record.position + 1;
      if (record.position >= until.position) return;
      const taken = await taking(record, sequences, shard);
      if (taken === null || taken.event.pipeline !== name || !dataValidated.is(taken.event)) continue;
      const { order } = taken.event.data;
      const addresses = order.map((_, index) => rowAddress(record.position, index));
      pipeline.apply(taken.event.data, addresses, taken.fromRow, (segment) => shard.blob(encodeSegment(segment)));
      await kernel.clock.breathe();
    }
  }
}

/** What the feature fold takes of a record, a dead letter of its own that came back included; null: nothing new. */
async function taking(
  record: StoredRecord,
  sequences: Sequences,
  shard: Shard,
): Promise<{ event: Event; fromRow: number } | null> {
  const replayed = isReplayed(record) ? replayedIn(record) : null;
  if (replayed !== null && replayed.data.consumer !== 'feature') return null;
  const judged = replayed ?? decodeEvent(record);
  const verdict = sequences.judge(judged, rowAddressesOf(judged));
  if (verdict.kind !== 'apply') return null;
  sequences.advance(judged);
  if (replayed === null) return { event: judged, fromRow: verdict.fromRow };
  const event = decodeEvent(await originalOf(shard.ports, record, replayed.data));
  return { event, fromRow: replayed.data.fromRow };
}
