import {
  type DataOf,
  encodeEvent,
  type EventType,
  modelPromoted,
  modelRegistered,
  topicNames,
} from '@relearn/contracts';
import { createMemoryBlobs } from '@relearn/blobs/memory';
import { createMemoryBus } from '@relearn/bus/memory';
import { systemKernel } from '@relearn/kernel';
import {
  Activity,
  aggregateCollection,
  Catalog,
  checkpointCollection,
  leaseCollection,
  type Ports,
} from '@relearn/runtime';
import { createMemoryStore } from '@relearn/store/memory';
import { silentTelemetry } from '@relearn/telemetry';
import { expect, test, vi } from 'vitest';
import { createServing } from '../src/service.js';
import { linearModel } from './models.js';

const sequences = { next: 1 };

/** Control events of the registry, one after another. */
function recordOf<T extends EventType>(type: T, data: DataOf<T>) {
  const source = 'registry/orders/control';
  const sequence = sequences.next++;
  const attributes = { id: `${source}@${sequence}`, source, type: type.type, sequence, previous: sequence - 1 || null };
  const event = { ...attributes, time: '2024-01-01T00:00:00.000Z', pipeline: 'orders', pipelineversion: 1, data };
  return { topic: 'control', partition: 0, key: 'orders', ...encodeEvent(event) };
}

async function openPorts(): Promise<Ports> {
  const bus = createMemoryBus(systemKernel);
  await bus.ensureTopics(topicNames.map((name) => ({ name, partitions: 1, retentionMs: null })));
  const store = createMemoryStore();
  const collections = [checkpointCollection, leaseCollection, aggregateCollection('serving')];
  await store.ensureCollections(collections.map((name) => ({ name })));
  const catalog = new Catalog(bus, 1, systemKernel.clock);
  const activity = new Activity(systemKernel.clock);
  const workers = { run: () => Promise.reject(new Error('no jobs')), stop: () => Promise.resolve() };
  const rest = { blobs: createMemoryBlobs(), telemetry: silentTelemetry(), partitions: 1, instance: 'test' };
  return { kernel: systemKernel, bus, store, catalog, activity, workers, ...rest };
}

test('given an instance that deploys nothing itself, when a model is registered and promoted at once, then it answers with it', async () => {
  const ports = await openPorts();
  const put = (value: unknown) => ports.blobs.put(Buffer.from(JSON.stringify(value)));
  const tensor = (name: string) => ({ name, datatype: 'FP32', shape: [-1, 1] });
  const onnx = await ports.blobs.put(linearModel(0).onnx);
  const signature = await put({ inputs: [tensor('a'), tensor('b')], outputs: [tensor('score')] });
  const reference = await put({});
  const files = { 'model.onnx': onnx, 'signature.json': signature, 'reference.json': reference };
  const bundle = await put({ files });
  const serving = createServing(ports, {});
  const parts = serving.parts.filter(({ name }) => name === 'models' || name === 'model deployments');
  expect(parts.length).toBe(2);
  await ports.catalog.start(ports.activity);
  for (const part of parts) await part.start();
  const registered = { turn: 't1', request: 'r1', model: 1, bundle, verdict: 'passed' as const, metrics: {} };
  const place = { model: 1, bundle, reference, from: null, frozen: { model: 1, bundle } };
  const evidence = { kind: 'evaluation' as const, event: 'e1' };
  await ports.bus.publish([
    recordOf(modelRegistered, registered),
    recordOf(modelPromoted, { turn: 't1', ...place, evidence, gates: [] }),
  ]);
  await vi.waitFor(() => expect(serving.host.defaultOf('orders')).toBe(1), { timeout: 30_000 });
  for (const part of parts.reverse()) await part.stop();
  await ports.catalog.stop();
});
