import type { StoredRecord } from '@relearn/bus';
import { deadLettered, encodeEvent } from '@relearn/contracts';
import { formatTimestamp, type RelearnError } from '@relearn/kernel';
import type { Ports } from './ports.js';

/** Bytes that, as base64 and with the headers twice, still fit one event; larger originals go to a blob. */
const mostInlineBytes = 320 * 1024;

/** Puts a record that a consumer can never take aside, with its original bytes and the reason. Durable when it resolves. */
export async function deadLetter(
  ports: Ports,
  consumer: string,
  record: StoredRecord,
  error: RelearnError,
): Promise<void> {
  const pipeline = record.headers['ce_pipeline'] ?? record.key ?? 'unknown';
  const source = `${consumer}/${record.topic}/${record.partition}/dead-letters`;
  const inline = record.value.byteLength <= mostInlineBytes;
  const bytes = inline
    ? { value: Buffer.from(record.value).toString('base64') }
    : { value: '', blob: await ports.blobs.put(record.value) };
  const event = {
    id: `${source}@${record.position}`,
    source,
    type: deadLettered.type,
    sequence: record.position,
    previous: null,
    time: formatTimestamp(record.appendedAt),
    pipeline,
    pipelineversion: Number(record.headers['ce_pipelineversion'] ?? 0),
    data: {
      consumer,
      topic: record.topic,
      partition: record.partition,
      position: record.position,
      key: record.key,
      headers: { ...record.headers },
      ...bytes,
      records: Number(record.headers['ce_records'] ?? 1),
      code: error.code,
      message: error.describe(),
    },
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
