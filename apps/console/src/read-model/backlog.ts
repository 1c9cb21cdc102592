import type { Bus, StoredRecord } from '@relearn/bus';
import type { Waiting } from './counts.js';

/** One event of `data.raw` that validation has not judged yet. */
interface WaitingEvent {
  readonly position: number;
  readonly pipeline: string;
  readonly records: number;
}

interface PartitionBacklog {
  events: WaitingEvent[];
  countedTo: number;
  end: number;
}

/** What one look at a partition may read: a longer backlog is counted over several looks. */
const limits = { maxRecords: 64, maxBytes: 2 * 1024 * 1024 };

/** How many records wait in `data.raw` beyond validation's checkpoints, by pipeline. Each event is counted once. */
export class Backlog {
  private readonly bus: Bus;
  private readonly partitions = new Map<number, PartitionBacklog>();

  constructor(bus: Bus) {
    this.bus = bus;
  }

  /** Looks at the log again. `judgedBelow`: by partition, the position below which everything is judged. */
  async look(judgedBelow: ReadonlyMap<number, number>): Promise<void> {
    const bounds = await this.bus.bounds('data.raw');
    for (const [partition, { first, end }] of bounds.entries()) {
      const from = Math.max(first, judgedBelow.get(partition) ?? 0);
      const before = this.partitions.get(partition);
      const backlog: PartitionBacklog = {
        events: (before?.events ?? []).filter((event) => event.position >= from),
        countedTo: Math.max(from, before?.countedTo ?? 0),
        end,
      };
      this.partitions.set(partition, backlog);
      if (backlog.countedTo >= end) continue;
      const records = await this.bus.read('data.raw', partition, backlog.countedTo, limits);
      for (const record of records) {
        backlog.events.push({ position: record.position, pipeline: pipelineOf(record), records: recordsIn(record) });
      }
      backlog.countedTo = (records.at(-1)?.position ?? end - 1) + 1;
    }
  }

  waiting(pipeline: string): Waiting {
    let records = 0;
    let atLeast = false;
    for (const { events, countedTo, end } of this.partitions.values()) {
      for (const event of events) if (event.pipeline === pipeline) records += event.records;
      const mine = events.length === 0 || events.some((event) => event.pipeline === pipeline);
      if (countedTo < end && mine) atLeast = true;
    }
    return { records, atLeast };
  }
}

function pipelineOf(record: StoredRecord): string {
  return record.headers['ce_pipeline'] ?? record.key ?? '';
}

/** Records of a raw event: ingestion says so in a header, and the dead-letter count goes by the same one. */
function recordsIn(record: StoredRecord): number {
  return Number(record.headers['ce_records'] ?? 1);
}
