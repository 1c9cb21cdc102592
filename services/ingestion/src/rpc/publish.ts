import { type BidiStreaming, cellsOf, serviceOf, type Unary, type WireScalar } from '@relearn/rpc';
import type { GivenRecord, Rejection } from '../domain/door.js';
import { type Door, NothingAccepted } from '../handlers/door.js';

interface WireRecord {
  readonly id?: string;
  readonly source?: string;
  readonly time?: string;
  readonly values?: Readonly<Record<string, WireScalar>>;
}

export interface WirePublishRequest {
  readonly pipeline: string;
  readonly stream?: string;
  readonly records: readonly WireRecord[];
  readonly idempotencyKey?: string;
}

export interface WirePublishResponse {
  readonly accepted: number;
  readonly ids: readonly string[];
  readonly rejected: readonly Rejection[];
}

export interface IngestionHandlers {
  publish: Unary<WirePublishRequest, WirePublishResponse>;
  publishStream: BidiStreaming<WirePublishRequest, WirePublishResponse>;
}

export const ingestionService = serviceOf<IngestionHandlers>('relearn/v1/ingestion.proto', 'relearn.v1.Ingestion');

export function ingestionHandlers(door: Door): IngestionHandlers {
  const publish = ({ pipeline, stream, records, idempotencyKey }: WirePublishRequest): Promise<WirePublishResponse> =>
    door.publish({
      pipeline,
      stream: given(stream),
      records: records.map(recordOf),
      idempotencyKey: given(idempotencyKey),
    });
  return {
    publish,
    async *publishStream(requests) {
      for await (const request of requests) yield await publish(request).catch(rejections);
    },
  };
}

/** One bad request among many is answered, not the end of all. */
function rejections(thrown: unknown): WirePublishResponse {
  if (thrown instanceof NothingAccepted) return { accepted: 0, ids: [], rejected: thrown.rejected };
  throw thrown;
}

function recordOf({ id, source, time, values = {} }: WireRecord): GivenRecord {
  return { id: given(id), source: given(source), time: given(time), values: cellsOf(values) };
}

/** Absent texts are empty on the wire. */
function given(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
