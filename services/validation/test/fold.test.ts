import { dataQuarantined, dataValidated, type Event, eventTypes, recordsOf } from '@relearn/contracts';
import { readCheckpoint } from '@relearn/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createValidation } from '../src/index.js';
import { openWorld, pipelineSpec, publishRaw, start, type TestRecord, type World } from './harness.js';

const row = (id: string, values: TestRecord['values'] = {}, minute = 0): TestRecord => ({
  stream: 'rows',
  id,
  time: start + minute * 60_000,
  values: { id, at: new Date(start + minute * 60_000).toISOString(), place: 'north', distance: 1, ...values },
});

/** Runs validation over what is in the log, then stops it: each run is a restart. */
async function run(world: World): Promise<void> {
  const { parts } = createValidation(world.ports);
  for (const part of parts) await part.start();
  await world.ports.activity.idle(world.ports.bus);
  for (const part of parts) await part.stop();
}

async function countsOf(world: World) {
  const checkpoint = await readCheckpoint(world.ports.store, 'validation', 0);
  return { ...checkpoint?.counts['trips'], deadLettered: checkpoint?.deadLettered };
}

/** What readers of the log see: copies of a source's events are skipped by their sequence. */
function once(events: readonly Event[]): Event[] {
  const last = new Map<string, number>();
  return events.filter(({ source, sequence }) => {
    if (sequence <= (last.get(source) ?? -1)) return false;
    last.set(source, sequence);
    return true;
  });
}

async function validIds(world: World): Promise<string[]> {
  const events = once(await world.read('data.valid'));
  return events.flatMap((event) => [...recordsOf(dataValidated.read(event).data)].map(({ id }) => id));
}

async function quarantined(world: World) {
  return once(await world.read('data.quarantine')).flatMap((event) => dataQuarantined.read(event).data.records);
}

describe('the validation fold', () => {
  it('passes valid records on, in order and with their addresses', async () => {
    const world = await openWorld();
    await world.apply(pipelineSpec());
    await publishRaw(world.ports, 'trips', [row('a'), row('b')]);
    await publishRaw(world.ports, 'trips', [row('c', { distance: -1 }), row('d')]);
    await run(world);
    const [first, second] = await world.read('data.valid');
    expect(first).toMatchObject({ data: { at: [0, 1] } });
    expect(second).toMatchObject({ data: { at: [1025] } });
    expect(second).toMatchObject({ source: 'validation/trips/0/data.valid', sequence: 1025, previous: 1 });
    expect(await validIds(world)).toEqual(['a', 'b', 'd']);
    await world.stop();
  });

  it('quarantines with every reason and keeps the values', async () => {
    const world = await openWorld();
    await world.apply(pipelineSpec());
    const bad = row('a', {
      place: 'west',
      distance: 2000,
      stops: 1.5,
      code: 'abc',
      express: 'yes',
      delay: 4,
      weight: 1,
    });
    await publishRaw(world.ports, 'trips', [bad, row('b', { place: null })]);
    await run(world);
    const [first, second] = await quarantined(world);
    expect(first?.reasons.map(({ code, column }) => [code, column])).toEqual([
      ['VALUES', 'place'],
      ['RANGE', 'distance'],
      ['TYPE', 'stops'],
      ['PATTERN', 'code'],
      ['TYPE', 'express'],
      ['LABEL_COLUMN', 'delay'],
      ['UNKNOWN_COLUMN', 'weight'],
    ]);
    expect(first?.values).toMatchObject({ place: 'west', distance: 2000, weight: 1 });
    expect(second?.reasons).toMatchObject([{ code: 'NULL', column: 'place' }]);
    await world.stop();
  });

  it('lets a corrected record follow a quarantined one, and nothing follow a valid one', async () => {
    const world = await openWorld();
    await world.apply(pipelineSpec());
    await publishRaw(world.ports, 'trips', [row('a', { distance: -1 }), row('a'), row('a', { distance: 2 })]);
    await run(world);
    expect(await validIds(world)).toEqual(['a']);
    expect(await countsOf(world)).toMatchObject({ received: 3, validated: 1, quarantined: 1, duplicates: 1 });
    await world.stop();
  });

  it('takes a label again when it says something else or is known at another time', async () => {
    const world = await openWorld();
    await world.apply(pipelineSpec());
    const label = (id: string, value: number | string): TestRecord => ({
      stream: 'labels',
      id,
      time: start,
      values: { event_id: 'a', value },
    });
    await publishRaw(world.ports, 'trips', [
      label('a@1=1', 1),
      label('a@1=1', 1),
      label('a@2=0', 0),
      label('a@2=x', 'x'),
    ]);
    await run(world);
    expect(await validIds(world)).toEqual(['a@1=1', 'a@2=0']);
    expect((await quarantined(world))[0]?.reasons).toMatchObject([{ code: 'LABEL_VALUE', column: 'value' }]);
    await world.stop();
  });

  it('puts an event of a version that was never applied aside and goes on', async () => {
    const world = await openWorld();
    await world.apply(pipelineSpec());
    await publishRaw(world.ports, 'trips', [row('a'), row('b')], 7);
    await publishRaw(world.ports, 'trips', [row('c')]);
    await run(world);
    expect(await validIds(world)).toEqual(['c']);
    expect(await countsOf(world)).toMatchObject({ received: 1, deadLettered: 2 });
    expect(await world.read('dead-letters')).toHaveLength(1);
    await world.stop();
  });

  it('conserves counts and forgets nothing over any batches, restarts and crashes', async () => {
    const records = fc.array(
      fc.record({
        id: fc.integer({ min: 0, max: 30 }).map(String),
        distance: fc.constantFrom(1, 2, -1, null, 'far'),
        minute: fc.integer({ min: 0, max: 300 }),
        batchEnds: fc.boolean(),
        restart: fc.boolean(),
      }),
      { minLength: 1, maxLength: 60 },
    );
    const crash = fc.record({
      point: fc.constantFrom('before-publish', 'after-publish', 'before-checkpoint', 'after-checkpoint'),
      hit: fc.integer({ min: 1, max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(records, crash, async (given, { point, hit }) => {
        const world = await openWorld({ point: `validation:${point}`, hit });
        await world.apply(pipelineSpec());
        let batch: TestRecord[] = [];
        const flush = async () => {
          if (batch.length > 0) await publishRaw(world.ports, 'trips', batch);
          batch = [];
        };
        for (const { id, distance, minute, batchEnds, restart } of given) {
          batch.push(row(id, { distance }, minute));
          if (batchEnds) await flush();
          if (batchEnds && restart) await run(world);
        }
        await flush();
        await run(world);
        // The crash may have come on the way out.
        await run(world);
        const good = given.filter(({ distance }) => distance !== -1 && distance !== 'far');
        const expected = [...new Set(good.map(({ id }) => id))];
        expect(await validIds(world)).toEqual(expected);
        const counts = await countsOf(world);
        const bad = await quarantined(world);
        expect(counts).toMatchObject({
          received: given.length,
          validated: expected.length,
          quarantined: bad.length,
          duplicates: given.length - expected.length - bad.length,
        });
        for (const topic of ['data.valid', 'data.quarantine', 'monitoring', 'control'] as const) {
          for (const event of await world.read(topic)) eventTypes().get(event.type)?.read(event);
        }
        await world.stop();
      }),
      { numRuns: 30 },
    );
  });
});
