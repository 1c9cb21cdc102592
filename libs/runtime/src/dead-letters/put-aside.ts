import type { StoredRecord } from '@relearn/bus';
import { deadLettered, encodeEvent } from '@relearn/contracts';
import { formatTimestamp, type RelearnError } from '@relearn/kernel';
import type { Ports } from '../ports.js';
import { originalIn } from './original.js';

/**
 * Puts a record that a consumer can never take aside, with its original bytes and the reason. Durable when it resolves.
 * `fromRow`: the first row that the consumer has not applied, of another copy of the event.
 */
export async function deadLetter(
  ports: Ports,
  consumer: string,
  record: StoredRecord,
  error: RelearnError,
  fromRow = 0,
): Promise<void> {
  const original = await originalIn(ports, consumer, record, fromRow);
  const pipeline = original.headers['ce_pipeline'] ?? original.key ?? 'unknown';
  const source = `${consumer}/${record.topic}/${record.partition}/dead-letters`;
  const event = {
    id: `${source}@${record.position}`,
    source,
    type: deadLettered.type,
    sequence: record.position,
    previous: null,
    time: formatTimestamp(record.appendedAt),
    pipeline,
    pipelineversion: Number(original.headers['ce_pipelineversion'] ?? 0),
    data: { ...original, code: error.code, message: error.describe() },
  };
  await ports.bus.publish([
    { topic: deadLettered.topic, partition: record.partition, key: pipeline, ...encodeEvent(event) },
  ]);
  ports.telemetry.metrics.deadLetters.add({ service: consumer, pipeline, code: error.code });
  ports.telemetry.log.warn(
    { consumer, topic: record.topic, position: record.position, code: error.code },
    error.describe(),
  );
}
