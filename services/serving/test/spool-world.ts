import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryBus } from '@relearn/bus/memory';
import type { Bus } from '@relearn/bus';
import { decodeEvent, predictionLogged } from '@relearn/contracts';
import { type RelearnError, systemKernel } from '@relearn/kernel';
import { clockCollection, type Ports, rowAddressesOf, Sequences } from '@relearn/runtime';
import { createWorkers } from '@relearn/runtime/workers';
import { createMemoryStore } from '@relearn/store/memory';
import { silentTelemetry } from '@relearn/telemetry';
import { afterAll, afterEach, beforeEach } from 'vitest';
import type { PredictionRecord } from '../src/inference/prediction-record.js';
import { PredictionSpool } from '../src/spool/prediction-spool.js';

export const partitions = 4;
/** A bus with the predictions topic that fails while it is told to. */
export async function openBus() {
  let failure: RelearnError | undefined;
  let refused = 0;
  const bus = createMemoryBus(systemKernel);
  await bus.ensureTopics([{ name: 'predictions', partitions, retentionMs: null }]);
  const publish: Bus['publish'] = (records) => {
    if (failure === undefined) return bus.publish(records);
    refused += 1;
    return Promise.reject(failure);
  };
  return {
    bus: new Proxy(bus, { get: (target, name) => (name === 'publish' ? publish : Reflect.get(target, name)) }),
    fail: (error: RelearnError | undefined) => {
      failure = error;
    },
    refused: () => refused,
  };
}

export async function portsOn(bus: Bus): Promise<Ports> {
  const store = createMemoryStore();
  await store.ensureCollections([{ name: clockCollection }]);
  // The spool asks for no more than these.
  const some = { bus, store, kernel: systemKernel, telemetry: silentTelemetry(), partitions };
  return { ...some, catalog: { latest: () => undefined } } as unknown as Ports;
}

export function answered(id: string, rows = 1): PredictionRecord {
  const values = Array.from({ length: rows }, (_, row) => row / 8);
  const tensor = { shape: [rows, 1], bytes: new Uint8Array(Float32Array.from(values).buffer) };
  const named = (name: string) => ({ spec: { name, datatype: 'FP32' as const, shape: [-1, 1] }, tensor });
  return {
    model: 'orders',
    version: '1',
    arm: 'champion',
    id,
    eventIds: values.map((_, row) => `${id}-${row}`),
    parameters: {},
    rows,
    receivedAt: 0,
    timings: { queueMs: 1, computeMs: 1, batchRows: rows },
    inputs: [named('x')],
    outputs: [named('probability')],
  };
}

/** Ids of the rows that a reader takes, by the sequence rule; throws at a gap. */
export async function logged(bus: Bus): Promise<(string | null)[]> {
  const ids: (string | null)[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const sequences = new Sequences();
    for (const record of await bus.read('predictions', partition, 0, { maxRecords: 10_000, maxBytes: 1 << 28 })) {
      const event = decodeEvent(record);
      const verdict = sequences.judge(event, rowAddressesOf(event));
      if (verdict.kind === 'gap') throw new Error(`${event.id}: a gap`);
      if (verdict.kind === 'skip') continue;
      sequences.advance(event);
      ids.push(...predictionLogged.read(event).data.ids.slice(verdict.fromRow));
    }
  }
  return ids;
}

/** A folder for each test, and spools in it. */
export function spoolWorld() {
  let folder = '';
  const workers = createWorkers({ size: 1 });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relearn-spool-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  afterAll(() => workers.stop());

  const openSpool = async (bus: Bus): Promise<PredictionSpool> => {
    const ports = await portsOn(bus);
    const spool = new PredictionSpool(ports, { folder });
    await spool.start();
    spool.shipTo(ports, workers);
    return spool;
  };
  return {
    get folder() {
      return folder;
    },
    workers,
    openSpool,
    /** Starts a spool on the folder, lets it take the records, and stops it: all is shipped that the bus takes. */
    async spooled(bus: Bus, ...batches: readonly (readonly PredictionRecord[])[]): Promise<void> {
      const spool = await openSpool(bus);
      for (const batch of batches) spool.log(batch);
      await spool.stop();
    },
  };
}
