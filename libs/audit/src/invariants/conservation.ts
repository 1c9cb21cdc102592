import { dataQuarantined, dataValidated, rowAddress } from '@relearn/contracts';
import type { Checkpoint } from '@relearn/runtime';
import { type Invariant, PerPipeline } from '../invariant.js';

/** Validation's checkpoint of a shard. */
export interface ShardCheckpoint {
  readonly partition: number;
  readonly checkpoint: Checkpoint;
}

export interface ConservationOptions {
  readonly checkpoints: readonly ShardCheckpoint[];
  /** Whether the topic's partition is kept from its first record on, so that its records can be counted. */
  readonly whole: (topic: string, partition: number) => boolean;
}

type Result = 'received' | 'validated' | 'quarantined';

/** Records of a shard that the log holds below the checkpoint's position. */
type Counted = Map<number, Record<Result, number>>;

/**
 * Counts are conserved at validation's checkpoints: of each pipeline, received = validated + quarantined + duplicates; and
 * where the log is still whole, it holds exactly the records that the checkpoint counts: those of `data.raw` below its
 * position are the received and the dead-lettered ones (those that came back are received), and those made from them are in `data.valid` and `data.quarantine`.
 */
export function countsAreConserved({ checkpoints, whole }: ConservationOptions): Invariant {
  const below = new Map(
    checkpoints.map(({ partition, checkpoint }) => [partition, rowAddress(checkpoint.positions['data.raw'] ?? 0, 0)]),
  );
  const pipelines = new PerPipeline<Counted>(() => new Map());
  const add = (pipeline: string, partition: number, result: Result, records: number) => {
    const counted = pipelines.of(pipeline);
    const counts = counted.get(partition) ?? { received: 0, validated: 0, quarantined: 0 };
    counts[result] += records;
    counted.set(partition, counts);
  };
  return {
    name: 'counts are conserved',
    topics: ['data.quarantine', 'data.valid'],
    stored({ topic, partition, position, pipeline, records, replayed }) {
      if (topic !== 'data.raw' || replayed || rowAddress(position, 0) >= (below.get(partition) ?? 0)) return;
      add(pipeline, partition, 'received', records);
    },
    take(event, fromRow) {
      const { pipeline, partition } = event;
      const end = below.get(partition) ?? 0;
      if (dataValidated.is(event)) {
        const at = event.data.at ?? [];
        add(pipeline, partition, 'validated', at.slice(fromRow).filter((address) => address < end).length);
      } else if (dataQuarantined.is(event)) {
        add(pipeline, partition, 'quarantined', event.data.records.slice(fromRow).filter(({ at }) => at < end).length);
      }
    },
    finish(report) {
      for (const { partition, checkpoint } of checkpoints) {
        const names = new Set([...Object.keys(checkpoint.counts), ...[...pipelines.all()].map(([name]) => name)]);
        for (const pipeline of names) {
          const logged = pipelines.of(pipeline).get(partition) ?? { received: 0, validated: 0, quarantined: 0 };
          for (const message of imbalances(checkpoint.counts[pipeline] ?? {}, logged, (topic) =>
            whole(topic, partition),
          )) {
            report({ pipeline, message: `shard ${partition}: ${message}` });
          }
        }
        if (!whole('data.raw', partition)) continue;
        const raw = [...pipelines.all()].reduce((sum, [, counted]) => sum + (counted.get(partition)?.received ?? 0), 0);
        const received = Object.values(checkpoint.counts).reduce((sum, counts) => sum + (counts['received'] ?? 0), 0);
        if (raw === received + checkpoint.deadLettered) continue;
        const message = `shard ${partition}: data.raw holds ${raw} records, of which ${received} were received and ${checkpoint.deadLettered} dead-lettered`;
        report({ pipeline: '*', message });
      }
    },
  };
}

function imbalances(
  counts: Readonly<Record<string, number>>,
  logged: Record<Result, number>,
  whole: (topic: string) => boolean,
): string[] {
  const { received = 0, validated = 0, quarantined = 0, duplicates = 0 } = counts;
  const messages: string[] = [];
  if (received !== validated + quarantined + duplicates) {
    messages.push(
      `${received} received are not ${validated} validated + ${quarantined} quarantined + ${duplicates} duplicates`,
    );
  }
  if (whole('data.valid') && logged.validated !== validated) {
    messages.push(`data.valid holds ${logged.validated} records, the checkpoint counts ${validated}`);
  }
  if (whole('data.quarantine') && logged.quarantined !== quarantined) {
    messages.push(`data.quarantine holds ${logged.quarantined} records, the checkpoint counts ${quarantined}`);
  }
  return messages;
}
