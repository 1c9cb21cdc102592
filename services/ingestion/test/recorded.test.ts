import type { PipelineSpec } from '@relearn/contracts';
import type { Cell } from '@relearn/tabular';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openRecorded, publishClock, publishRecorded, type RecordedLog } from '../src/index.js';
import { hour, iso, minute, openWorld, pipelineSpec, start, tableOf } from './harness.js';

const rowTypes = { id: 'string', at: 'timestamp', place: 'string', delay: 'number', arrived_at: 'timestamp' } as const;
const weatherTypes = { seen_at: 'timestamp', rain: 'number' } as const;

interface Trip {
  id: string;
  at: number;
  delay: number | null;
  arrived: number | null;
}

const tripRow = ({ id, at, delay, arrived }: Trip): Record<string, Cell> => ({
  id,
  at: iso(at),
  place: 'north',
  delay,
  arrived_at: arrived === null ? null : iso(arrived),
});

async function open(
  trips: readonly Trip[],
  weather: readonly number[] = [],
  spec = pipelineSpec(),
): Promise<RecordedLog> {
  return openRecorded(spec, [
    { stream: 'rows', table: tableOf(rowTypes, trips.map(tripRow)) },
    {
      stream: 'weather',
      table: tableOf(
        weatherTypes,
        weather.map((at) => ({ seen_at: iso(at), rain: 1 })),
      ),
    },
  ]);
}

function all(log: RecordedLog, maxRecords = 1000) {
  const records = [];
  for (;;) {
    const batch = log.next(Number.POSITIVE_INFINITY, maxRecords);
    if (batch === null) return records;
    records.push(...batch.records);
  }
}

describe('recorded data', () => {
  it('parts a row from what is known only with its label', async () => {
    const log = await open([{ id: 'a', at: start, delay: 12, arrived: start + hour }]);
    expect(all(log)).toEqual([
      { stream: 'rows', id: 'a', time: start, knownAt: start, values: { id: 'a', at: iso(start), place: 'north' } },
      {
        stream: 'labels',
        id: `a@${start + hour}=1`,
        time: start + hour,
        knownAt: start + hour,
        values: { event_id: 'a', value: 1 },
      },
    ]);
  });

  it.each([
    ['whose time of knowing is null', { id: 'a', at: start, delay: 12, arrived: null }],
    ['whose value is null', { id: 'a', at: start, delay: null, arrived: start + hour }],
  ])('writes no label %s', async (_, trip) => {
    expect(all(await open([trip])).map(({ stream }) => stream)).toEqual(['rows']);
  });

  it('orders what becomes known at one time: context, labels, rows, then labels of those rows', async () => {
    const log = await open(
      [
        { id: 'b', at: start + hour, delay: 1, arrived: start },
        { id: 'a', at: start + hour, delay: 1, arrived: start + hour },
        { id: 'z', at: start, delay: 20, arrived: start + hour },
      ],
      [start],
    );
    const order = all(log).map(
      ({ stream, id, values }) => `${stream} ${values['event_id'] ?? (stream === 'rows' ? id : '')}`,
    );
    expect(order).toEqual(['rows z', 'weather ', 'labels z', 'rows a', 'rows b', 'labels a', 'labels b']);
  });

  it('knows a delayed label after its delay, and context at its known-at column', async () => {
    const delayed = pipelineSpec({ label: { column: 'delay', delay: 2 * hour } });
    const log = await open([{ id: 'a', at: start, delay: 7, arrived: null }], [], delayed);
    expect(all(log)[1]).toMatchObject({ stream: 'labels', time: start + 2 * hour, values: { value: 7 } });
    const spec = pipelineSpec();
    const weather = { ...spec.schema.context['weather'], told_at: { type: 'timestamp', nullable: true } as const };
    const source = { files: [], time: 'seen_at', id: [], known_after: 0, known_at: 'told_at' };
    const known: PipelineSpec = {
      ...spec,
      source: { ...spec.source, context: { weather: source } },
      schema: { ...spec.schema, context: { weather } },
    };
    const table = tableOf({ ...weatherTypes, told_at: 'timestamp' }, [
      { seen_at: iso(start), told_at: iso(start + 3 * hour) },
      { seen_at: iso(start), told_at: null },
    ]);
    const context = await openRecorded(known, [{ stream: 'weather', table }]);
    expect(all(context)).toMatchObject([{ time: start, knownAt: start + 3 * hour }]);
  });

  it('hands out what is known before a time, and goes on where it is told to', async () => {
    const trips = Array.from({ length: 10 }, (_, i) => ({
      id: `t${i}`,
      at: start + i * minute,
      delay: null,
      arrived: null,
    }));
    const log = await open(trips);
    expect([log.total, log.firstKnown, log.lastKnown]).toEqual([10, start, start + 9 * minute]);
    expect(log.next(start + 3 * minute, 1000)?.records.map(({ id }) => id)).toEqual(['t0', 't1', 't2']);
    expect(log.next(start + 3 * minute, 1000)).toBeNull();
    expect(log.nextKnown).toBe(start + 3 * minute);
    log.position = 8;
    expect(log.next(Number.POSITIVE_INFINITY, 1)).toMatchObject({ position: 9, records: [{ id: 't8' }] });
    expect(() => {
      log.position = 11;
    }).toThrow(/not within the 10/);
  });

  it('tells rows whose times lie beyond the latest', async () => {
    const rows = [
      { id: 'a', at: iso(start + hour + 1) },
      { id: 'b', at: iso(start), delay: 20, arrived_at: iso(start + hour + 1) },
      { id: 'c', at: iso(start), delay: 20, arrived_at: iso(start + hour) },
    ];
    const files = [{ stream: 'rows', table: tableOf(rowTypes, rows) }];
    const log = await openRecorded(pipelineSpec(), files, { latest: start + hour });
    expect(all(log).map(({ stream, time }) => [stream, time])).toEqual([
      ['rows', start],
      ['labels', start + hour],
    ]);
    expect(log.rejected.first.map(({ row, column }) => [row, column])).toEqual([
      [0, 'at'],
      [1, 'arrived_at'],
    ]);
  });

  it('tells rows without an event time and leaves out columns that are not declared', async () => {
    const types = { ...rowTypes, at: 'string', extra: 'integer' } as const;
    const rows = [
      { id: 'a', at: 'soon', extra: 1 },
      { id: 'b', at: iso(start), extra: 2 },
      { id: 'c', at: null },
    ];
    const log = await openRecorded(pipelineSpec(), [{ stream: 'rows', table: tableOf(types, rows) }]);
    expect(all(log).map(({ id }) => id)).toEqual(['b']);
    expect(log.rejected).toMatchObject({ count: 2, first: [{ row: 0, column: 'at' }, { row: 2 }] });
    expect(log.undeclared).toEqual([{ file: 'trips.csv', columns: ['extra'] }]);
  });

  it('brings cells to the declared type where that loses nothing, and keeps the others', async () => {
    const types = { ...rowTypes, place: 'integer', delay: 'string' } as const;
    const spec = pipelineSpec();
    const early: PipelineSpec = {
      ...spec,
      schema: { ...spec.schema, columns: { ...spec.schema.columns, delay: { type: 'number', nullable: true } } },
    };
    const row = { id: 'a', at: iso(start), place: 7 };
    const rows = ['4.5', 'none', '', null].map((delay) => ({ ...row, delay }));
    const log = await openRecorded(early, [{ stream: 'rows', table: tableOf(types, rows) }]);
    expect(all(log).map(({ values }) => [values['place'], values['delay']])).toEqual([
      ['7', 4.5],
      ['7', 'none'],
      ['7', ''],
      ['7', null],
    ]);
  });

  it('names rows by their columns, else by file and row', async () => {
    const two = await open(
      [{ id: 'a|b', at: start, delay: null, arrived: null }],
      [],
      pipelineSpec({ id: ['id', 'place'] }),
    );
    expect(all(two)[0]?.id).toBe('a\\|b|north');
    const none = await open([{ id: 'a', at: start, delay: null, arrived: null }], [], pipelineSpec({ id: [] }));
    expect(all(none)[0]?.id).toBe(`${'f00d'.repeat(6)}#0`);
  });

  it('refuses a file without a column that the pipeline needs', async () => {
    const table = tableOf({ id: 'string' }, [{ id: 'a' }]);
    await expect(openRecorded(pipelineSpec(), [{ stream: 'rows', table }])).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      place: { file: 'trips.csv', field: 'at' },
    });
    await expect(openRecorded(pipelineSpec(), [{ stream: 'tides', table }])).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('is in one total order, whatever the order of the file and the size of the batches', async () => {
    const trip = fc.record({
      at: fc.integer({ min: 0, max: 20 }),
      delay: fc.option(fc.integer({ min: 0, max: 20 })),
      arrived: fc.option(fc.integer({ min: -5, max: 30 })),
    });
    const given = fc.array(trip, { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(
        given,
        fc.array(fc.integer({ min: 0, max: 20 })),
        fc.integer({ min: 1, max: 7 }),
        async (list, seen, most) => {
          const trips = list.map(({ at, delay, arrived }, i) => ({
            id: `t${i}`,
            at: start + at * minute,
            delay,
            arrived: arrived === null ? null : start + arrived * minute,
          }));
          const records = all(
            await open(
              trips,
              seen.map((at) => start + at * minute),
            ),
            most,
          );
          const again = all(
            await open(
              [...trips].reverse(),
              seen.map((at) => start + at * minute),
            ),
          );
          const names = (list: typeof records) => list.filter(({ stream }) => stream !== 'weather').map(({ id }) => id);
          expect(names(again)).toEqual(names(records));
          records.forEach(({ knownAt }, i) => expect(knownAt).toBeGreaterThanOrEqual(records[i - 1]?.knownAt ?? 0));
          for (const { id, at, delay, arrived } of trips) {
            const row = records.findIndex((record) => record.id === id);
            const label = records.findIndex(({ values }) => values['event_id'] === id);
            expect(label >= 0).toBe(delay !== null && arrived !== null);
            if (arrived === null || label < 0) continue;
            expect(label).toBeGreaterThan(row);
            expect(records[label]?.time).toBe(Math.max(at, arrived));
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('publishing recorded data', () => {
  it('writes batches of a thousand at most, in order, stamped with version and business time', async () => {
    const world = await openWorld();
    await world.apply(pipelineSpec());
    const trips = Array.from({ length: 2500 }, (_, i) => ({
      id: `t${i}`,
      at: start + i * 1000,
      delay: null,
      arrived: null,
    }));
    const batch = (await open(trips)).next(Number.POSITIVE_INFINITY, 5000);
    if (batch === null) throw new Error('no batch');
    await publishRecorded(world.ports, 'trips', batch);
    const events = await world.events();
    expect(events.map(({ headers }) => headers['ce_records'])).toEqual(['1000', '1000', '500']);
    expect(events[2]?.event).toMatchObject({ pipelineversion: 1, time: iso(start + 2_499_000), sequence: 2 });
    expect(events[2]?.event.source).toMatch(/^ingestion\/test-[^/]+\/trips\/0$/);
    expect((await world.written()).map(({ id }) => id)).toEqual(trips.map(({ id }) => id));
    await world.stop();
  });

  it('keeps a batch small when its texts are not', async () => {
    const world = await openWorld();
    await world.apply(pipelineSpec());
    const records = Array.from({ length: 20 }, (_, i) => ({
      stream: 'rows',
      id: `t${i}`,
      time: start,
      knownAt: start,
      // Each character takes six bytes as JSON.
      values: { place: '\u0001'.repeat(20_000) },
    }));
    await publishRecorded(world.ports, 'trips', { records, position: 20 });
    expect((await world.written()).map(({ id }) => id)).toEqual(records.map(({ id }) => id));
    await world.stop();
  });

  it('sends a row and its label to one partition, context and clock to all', async () => {
    const world = await openWorld(4);
    const spec = pipelineSpec({ shardBy: 'place' });
    await world.apply(spec);
    const trips = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => ({ id, at: start, delay: 1, arrived: start + minute }));
    const rows = trips.map((trip) => ({ ...tripRow(trip), place: `p-${trip.id}` }));
    const log = await openRecorded(spec, [
      { stream: 'rows', table: tableOf(rowTypes, rows) },
      { stream: 'weather', table: tableOf(weatherTypes, [{ seen_at: iso(start), rain: 0 }]) },
    ]);
    const batch = log.next(Number.POSITIVE_INFINITY, 100);
    if (batch === null) throw new Error('no batch');
    await publishRecorded(world.ports, 'trips', batch);
    await publishClock(world.ports, 'trips', start + hour);
    const written = await world.written();
    const partitionsOf = (stream: string) =>
      written.filter((record) => record.stream === stream).map(({ partition }) => partition);
    expect(partitionsOf('weather')).toEqual([0, 1, 2, 3]);
    expect(partitionsOf('$clock')).toEqual([0, 1, 2, 3]);
    expect(new Set(partitionsOf('rows')).size).toBeGreaterThan(1);
    for (const { id } of trips) {
      const row = written.find((record) => record.stream === 'rows' && record.id === id);
      const label = written.find(({ values }) => values['event_id'] === id);
      expect(label?.partition).toBe(row?.partition);
      expect(label?.values).toEqual({ event_id: id, value: 0, place: `p-${id}` });
    }
    await world.stop();
  });
});
