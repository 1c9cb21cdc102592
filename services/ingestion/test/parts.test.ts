import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '@relearn/kernel';
import { checkpointCollection, checkpointId, emptyCheckpoint, type Ports, setBusinessNow } from '@relearn/runtime';
import type { Json } from '@relearn/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIngestion, ingestFile } from '../src/index.js';
import { hour, iso, openWorld, pipelineSpec, start } from './harness.js';

/** A clock that runs an hour in so many sleeps of a second, then stands still until it is aborted. */
function fastClock(): { clock: Clock; done: Promise<void> } {
  let elapsed = 0;
  let finished = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    finished = resolve;
  });
  const sleep = (ms: number, signal?: AbortSignal) => {
    elapsed += ms;
    if (elapsed <= hour) return systemClock.breathe();
    finished();
    return systemClock.sleep(60_000, signal);
  };
  return { clock: { ...systemClock, now: () => elapsed, wall: () => start + elapsed, sleep }, done };
}

async function markersOfAnHour(prepare: (ports: Ports) => Promise<void>) {
  const world = await openWorld();
  await world.apply(pipelineSpec());
  const { clock, done } = fastClock();
  const ports = { ...world.ports, kernel: { ...world.ports.kernel, clock } };
  await prepare(ports);
  // The part that sends dead letters back has no business here.
  const parts = createIngestion(ports).parts.filter((part) => part.name !== 'dead-letters fold');
  for (const part of parts) await part.start();
  await done;
  for (const part of parts) await part.stop();
  const written = await world.written();
  await world.stop();
  return written;
}

/** What validation has counted of the pipeline. */
const counted = (received: number, markers: number) => async (ports: Ports) => {
  const body: Json = JSON.parse(JSON.stringify({ ...emptyCheckpoint, counts: { trips: { received, markers } } }));
  await ports.store.create(checkpointCollection, checkpointId('validation', 0), body);
};

describe('the live clock', () => {
  it('marks every fiftieth of a window, one interval behind', async () => {
    const interval = (24 * hour) / 50;
    const markers = await markersOfAnHour(counted(1, 0));
    expect(markers.map(({ stream }) => stream)).toEqual(['$clock', '$clock']);
    const [first = 0, second = 0] = markers.map(({ time }) => time - start);
    expect(second - first).toBeGreaterThanOrEqual(interval);
    // It saw the pipeline after a second; an interval later it marks that second.
    expect(first).toBe(1000);
  });

  it('leaves replayed pipelines alone', async () => {
    const replayed = async (ports: Ports) => {
      await counted(1, 0)(ports);
      await setBusinessNow(ports, 'trips', start);
    };
    expect(await markersOfAnHour(replayed)).toEqual([]);
  });

  it('waits for the first record: until then history may come, which a marker would make late', async () => {
    expect(await markersOfAnHour(async () => undefined)).toEqual([]);
    expect(await markersOfAnHour(counted(3, 3))).toEqual([]);
  });
});

describe('ingesting a file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relearn-ingest-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('writes rows and labels in order and tells how far it is', async () => {
    const world = await openWorld();
    await world.apply(pipelineSpec());
    const file = join(folder, 'trips.csv');
    const lines = ['id,at,place,delay,arrived_at,driver', `a,${iso(start)},7,20,${iso(start + hour)},x`, 'b,,7,20,,x'];
    await writeFile(file, lines.join('\n'));
    const progress: unknown[] = [];
    const result = await ingestFile(world.ports, 'trips', file, (step) => progress.push(step));
    expect(result).toMatchObject({ published: 2, rejected: { count: 1 }, undeclared: ['driver'] });
    expect(progress).toEqual([{ published: 2, total: 2 }]);
    expect(await world.written()).toMatchObject([
      { stream: 'rows', id: 'a', values: { id: 'a', at: iso(start), place: '7' } },
      { stream: 'labels', time: start + hour },
    ]);
    await expect(ingestFile(world.ports, 'tripz', file, () => undefined)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await world.stop();
  });
});
