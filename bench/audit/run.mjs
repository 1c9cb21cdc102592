// Audits a year of flights on the memory adapters: 336,776 rows in batches of 1,000 in four topics, 3,000 control events.
// node bench/audit/run.mjs
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { auditLog } from '@relearn/audit';
import { createMemoryBlobs } from '@relearn/blobs/memory';
import { createMemoryBus } from '@relearn/bus/memory';
import { encodeEvent, rowAddress, topicNames } from '@relearn/contracts';
import { systemClock, systemKernel } from '@relearn/kernel';
import { checkpointCollection, checkpointId } from '@relearn/runtime';
import { createMemoryStore } from '@relearn/store/memory';

const rows = 336_776;
const batch = 1000;
const bus = createMemoryBus(systemKernel);
const store = createMemoryStore();
const blobs = createMemoryBlobs();
await bus.ensureTopics(topicNames.map((name) => ({ name, partitions: 1, retentionMs: null })));
await store.ensureCollections([{ name: checkpointCollection }]);

const last = new Map();
function record(topic, source, type, sequence, data, count = 1) {
  const previous = last.get(source) ?? null;
  last.set(source, sequence);
  const attributes = { id: `${source}@${sequence}`, source, type, sequence, previous, time: new Date(0).toISOString() };
  const { headers, value } = encodeEvent({ ...attributes, pipeline: 'flights', pipelineversion: 1, data });
  return { topic, partition: 0, key: 'flights', headers: { ...headers, ce_records: String(count) }, value };
}

const cells = (count, value) => Array.from({ length: count }, (_, index) => value(index));
for (let from = 0, position = 0; from < rows; from += batch, position++) {
  const count = Math.min(batch, rows - from);
  const ids = cells(count, (index) => `flight-${from + index}`);
  const times = cells(count, () => 1.7e12);
  const columns = Object.fromEntries(
    cells(16, (column) => [`c${column}`, cells(count, (index) => index / 7 + column)]),
  );
  const at = cells(count, (index) => rowAddress(position, index));
  const recorded = { order: cells(count, () => 0), sections: [{ stream: 'rows', ids, times, columns }] };
  const sequence = rowAddress(position, count - 1);
  const predictions = { kind: 'stream', ids, times, at, inputs: columns, arms: [], watermark: null };
  await bus.publish([
    record('data.raw', 'ingestion/flights/0', 'relearn.data.received.v1', position, recorded, count),
    record(
      'data.valid',
      'validation/flights/0/data.valid',
      'relearn.data.validated.v1',
      sequence,
      { ...recorded, at },
      count,
    ),
    record('features', 'feature/flights/0/features', 'relearn.features.computed.v1', sequence, {
      ids,
      times,
      at,
      columns,
      watermark: null,
    }),
    record('predictions', 'serving/flights/0/predictions', 'relearn.prediction.logged.v1', sequence, predictions),
  ]);
}
const control = [];
for (let index = 1; index <= 1500; index++) {
  const request = `r${index}`;
  const asked = { request, reason: 'manual', causes: [], cut: {}, labelled: 0 };
  const ended = { turn: null, request, requestReason: 'manual', outcome: 'superseded', detail: '' };
  control.push(record('control', 'monitoring/flights/control', 'relearn.retrain.requested.v1', index, asked));
  control.push(record('control', 'registry/flights/control', 'relearn.pipeline.ended.v1', index, ended));
}
for (let from = 0; from < control.length; from += 500) await bus.publish(control.slice(from, from + 500));
const counts = { flights: { received: rows, validated: rows, quarantined: 0, duplicates: 0 } };
const checkpoint = {
  epoch: 1,
  positions: { 'data.raw': Math.ceil(rows / batch) },
  applied: {},
  published: {},
  parts: {},
  counts,
  deadLettered: 0,
};
await store.put(checkpointCollection, checkpointId('validation', 0), checkpoint);

for (let run = 0; run < 3; run++) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const began = performance.now();
  const { events, violations } = await auditLog({
    bus,
    store,
    blobs,
    partitions: 1,
    clock: systemClock,
    quiescent: true,
  });
  delay.disable();
  const invariants = [...new Set(violations.map((violation) => violation.invariant))];
  const seconds = ((performance.now() - began) / 1000).toFixed(2);
  console.log({
    seconds,
    events,
    violations: violations.length,
    invariants,
    p99: delay.percentile(99) / 1e6,
    max: delay.max / 1e6,
  });
}
