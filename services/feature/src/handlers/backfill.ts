import { dataValidated, decodeEvent, type LoggedEvent, rowAddress } from '@relearn/contracts';
import { encodeSegment } from '@relearn/features';
import { rowAddressesOf, Sequences, type Shard } from '@relearn/runtime';
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
      const event = decodeEvent(record);
      if (event.pipeline !== name || !dataValidated.is(event)) continue;
      const verdict = sequences.judge(event, rowAddressesOf(event));
      if (verdict.kind !== 'apply') continue;
      sequences.advance(event);
      const addresses = event.data.order.map((_, index) => rowAddress(record.position, index));
      pipeline.apply(event.data, addresses, verdict.fromRow, (segment) => shard.blob(encodeSegment(segment)));
      await kernel.clock.breathe();
    }
  }
}
