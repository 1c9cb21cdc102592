import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { predictionLogged } from '@relearn/contracts';
import { type DataOf, decodeEvent, partitionFor } from '@relearn/contracts';
import { RelearnError, sha256, systemKernel } from '@relearn/kernel';
import { mostReferencedBytes } from '@relearn/runtime';
import { silentTelemetry } from '@relearn/telemetry';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PredictionRecord } from '../src/inference/prediction-record.js';
import { type FullPolicy, PredictionSpool } from '../src/spool/prediction-spool.js';
import { recordsOfLine } from '../src/spool/logged-events.js';
import { encodeByteStrings } from '../src/inference/byte-strings.js';
import { decodeLine, encodeLine } from '../src/spool/line-codec.js';
import { type LoggedLine, loggedLineOf } from '../src/spool/logged-line.js';
import { joinLines, linesOf, type SpooledLine, withValues } from '../src/spool/spooled-line.js';
import { answered, logged, openBus, partitions, spoolWorld } from './spool-world.js';

const world = spoolWorld();
const { openSpool, spooled } = world;

test('what was answered is in the log once, over restarts', async () => {
  const { bus } = await openBus();
  await spooled(bus, [answered('a'), answered('b', 3)]);
  await spooled(bus, [answered('c')]);
  expect(await logged(bus)).toEqual(['a-0', 'b-0', 'b-1', 'b-2', 'c-0']);
});

test('many rows come out of a thread as they went in, also after a restart', async () => {
  const { bus, fail } = await openBus();
  const ids = (from: string) => Array.from({ length: 1_100 }, (_, row) => `${from}-${row}`);
  fail(new RelearnError('UNAVAILABLE', 'away'));
  await spooled(bus, [answered('é', 1_100)], [answered('b')]);
  fail(undefined);
  await spooled(bus, [answered('ü'), answered('c', 1_100)]);
  expect(await logged(bus)).toEqual([...ids('é'), 'b-0', 'ü-0', ...ids('c')]);
});

test('what the bus did not take is shipped later, without a gap', async () => {
  const { bus, fail } = await openBus();
  fail(new RelearnError('UNAVAILABLE', 'away'));
  await spooled(bus, [answered('a')], [answered('b')]);
  expect(await logged(bus)).toEqual([]);
  fail(undefined);
  await spooled(bus, [answered('c')]);
  expect(await logged(bus)).toEqual(['a-0', 'b-0', 'c-0']);
});

test('a batch that was refused once does not name itself as the one before it', async () => {
  const { bus, fail, refused } = await openBus();
  const spool = await openSpool(bus);
  fail(new RelearnError('INTERNAL', 'once'));
  spool.log([answered('a'), answered('b')]);
  while (refused() === 0) await systemKernel.clock.sleep(1);
  fail(undefined);
  await spool.stop();
  expect(await logged(bus)).toEqual(['a-0', 'b-0']);
});

test('a number that a failed write may have left in a file is not given again', async () => {
  const { bus } = await openBus();
  const spool = await openSpool(bus);
  await rename(world.folder, `${world.folder}-away`);
  expect(() => spool.log([answered('a', 2)])).toThrow(expect.objectContaining({ code: 'STORAGE_FAILED' }));
  await rename(`${world.folder}-away`, world.folder);
  spool.log([answered('b')]);
  await spool.stop();
  const [file = ''] = (await readdir(world.folder)).filter((name) => name.endsWith('.jsonl'));
  expect(JSON.parse(await readFile(join(world.folder, file), 'utf8'))).toMatchObject({ first: 3, rows: 1 });
  expect(await logged(bus)).toEqual(['b-0']);
});

test('half a line at the end is left out and does not spoil what follows', async () => {
  const { bus, fail } = await openBus();
  await spooled(bus);
  await writeFile(join(world.folder, '0000000000000001.jsonl'), '{"first":1,"pipeli');
  fail(new RelearnError('UNAVAILABLE', 'away'));
  await spooled(bus, [answered('a')]);
  fail(undefined);
  await spooled(bus);
  expect(await logged(bus)).toEqual(['a-0']);
});

const lineOf = (rows: number, inputs: LoggedLine['inputs'], first = 1): LoggedLine => {
  const eventIds = Array.from({ length: rows }, (_, row) => `e${row}`);
  const outputs = { probability: eventIds.map(() => 0.5) };
  const requests = [{ id: `r${first}`, rows, computeMs: 1, totalMs: 2 }];
  return { first, pipeline: 'trips', model: 1, arm: 'champion', requests, rows, eventIds, inputs, outputs };
};
/** With texts for values, as requests bring them. */
const spooledOf = (line: LoggedLine): SpooledLine => {
  const texts = ([name, cells]: [string, readonly unknown[]]) => {
    const bytes = encodeByteStrings(cells.map(String));
    return { name, datatype: 'BYTES' as const, shape: [cells.length, 1], bytes };
  };
  return withValues(line, (columns) => Object.entries(columns).map(texts));
};
const loggingOf = (shardBy: string | undefined, cuts: number[] = []) => ({
  source: 'serving/spool-s',
  version: 1,
  shardBy,
  partitions,
  now: 0,
  last: new Map<string, number>(),
  onCut: (row: number) => cuts.push(row),
});
type Logged = DataOf<typeof predictionLogged>;

test('each row of a sharded request goes where its label will be', () => {
  const cities = ['oslo', 'lima', null, 'oslo', 'kyoto'];
  const records = recordsOfLine(lineOf(5, { city: cities }), loggingOf('city'));
  const places = records.flatMap((record) => {
    const data = decodeEvent(record).data as Logged;
    return data.at.map((at, row) => ({ row: at - 1, partition: record.partition, id: data.ids[row] }));
  });
  const expected = cities.map((city, row) => ({
    row,
    partition: partitionFor('trips', partitions, city ?? undefined),
    id: city === null ? null : `e${row}`,
  }));
  expect(places.sort((a, b) => a.row - b.row)).toEqual(expected);
});

test('a request too large for one event becomes several, and a row too large for any keeps its prediction', () => {
  const texts = Array.from({ length: 8 }, (_, row) => 'x'.repeat(row === 0 ? mostReferencedBytes : 120_000));
  const cuts: number[] = [];
  const whole = recordsOfLine(lineOf(7, { text: texts.slice(1) }), loggingOf(undefined, cuts));
  expect(whole.length).toBeGreaterThan(1);
  expect(cuts).toEqual([]);
  const cut = recordsOfLine(lineOf(8, { text: texts }), loggingOf(undefined, cuts));
  expect(cuts).toEqual([1]);
  const data = cut.map((record) => JSON.parse(Buffer.from(record.value).toString()) as Logged);
  expect(data.flatMap(({ ids }) => ids)).toHaveLength(8);
  expect(data.flatMap(({ inputs }) => inputs['text'] ?? []).map((text) => String(text).length)).toEqual(
    Array.from({ length: 7 }, () => 120_000),
  );
});

/** Lines of requests of one or several rows, numbered on; each row's event id and input say which it is. */
const someLines = fc
  .array(fc.record({ rows: fc.integer({ min: 1, max: 6 }), city: fc.constantFrom('oslo', 'lima', 'kyoto') }), {
    minLength: 1,
    maxLength: 30,
  })
  .map((requests) => {
    let first = 1;
    return requests.map(({ rows, city }) => {
      const cities = Array.from({ length: rows }, () => city);
      const line = spooledOf(lineOf(rows, { city: cities, place: cities.map((_, row) => `${first}/${row}`) }, first));
      first += rows;
      return line;
    });
  });

test('requests that share events keep their rows, ids and figures', () => {
  const check = (lines: SpooledLine[], shardBy: string | undefined) => {
    const logging = loggingOf(shardBy);
    const events = joinLines(lines).flatMap((line) => recordsOfLine(loggedLineOf(line), logging));
    const data = events.map((record) => decodeEvent(record).data as Logged);
    const told = data.flatMap(({ at, inputs, request, requests }) => {
      const owners =
        requests === undefined
          ? at.map(() => request?.id)
          : requests.ids.flatMap((id, index) => Array.from({ length: requests.rows[index] ?? 0 }, () => id));
      return at.map((number, row) => ({ number, place: inputs['place']?.[row], owner: owners[row] }));
    });
    const expected = lines.flatMap(({ first, rows }) =>
      Array.from({ length: rows }, (_, row) => ({ number: first + row, place: `${first}/${row}`, owner: `r${first}` })),
    );
    expect(told.sort((a, b) => a.number - b.number)).toEqual(expected);
    return events.length;
  };
  fc.assert(
    fc.property(someLines, fc.constantFrom(undefined, 'city'), (lines, shardBy) => {
      expect(check(lines, shardBy)).toBeLessThanOrEqual(shardBy === undefined ? 1 : partitions);
    }),
  );
});

test('what a rollout is judged by, and what failed, is logged request by request', () => {
  const tried: PredictionRecord = { ...answered('c'), challenger: 2 };
  const failed: PredictionRecord = { ...answered('e'), failure: 'INTERNAL', outputs: [] };
  const lines = linesOf([answered('a'), answered('b', 2), tried, answered('d'), failed], 7);
  expect(lines.map(({ first, requests }) => ({ first, ids: requests.map(({ id }) => id) }))).toEqual([
    { first: 7, ids: ['a', 'b'] },
    { first: 10, ids: ['c'] },
    { first: 11, ids: ['d'] },
    { first: 12, ids: ['e'] },
  ]);
  expect(joinLines(lines)).toEqual(lines);
});

test('a line comes back from a file as it was', () => {
  const given = { arm: 'champion' as const, version: '1', computeMs: 1, outputs: answered('x').outputs };
  const mirrored: PredictionRecord = { ...answered('c'), arm: 'challenger', challenger: 2, answered: given };
  for (const line of linesOf([answered('a', 3), mirrored, { ...answered('b'), failure: 'INTERNAL' }], 5)) {
    const read = decodeLine(encodeLine(line), {});
    expect(read && loggedLineOf(read)).toEqual(loggedLineOf(line));
  }
});

test('of a row too wide to be told value by value the digest is kept', () => {
  const bytes = new Uint8Array(2 * 4_004).fill(7);
  const wide = {
    spec: { name: 'pixels', datatype: 'FP32' as const, shape: [-1, 1_001] },
    tensor: { shape: [2, 1_001], bytes },
  };
  const [line] = linesOf([{ ...answered('a', 2), inputs: [wide] }], 1);
  const digest = `sha256:${sha256(bytes.subarray(0, 4_004))}`;
  expect(line?.inputs[0]?.bytes.byteLength).toBeLessThan(200);
  expect(line && loggedLineOf(line).inputs).toEqual({ pixels: [digest, digest] });
});

test('where there is no room, answers are refused, or by the policy given without a record and counted', async () => {
  const { metrics } = silentTelemetry();
  const base = { kernel: systemKernel, telemetry: { ...silentTelemetry(), metrics } };
  const taken = async (whenFull: FullPolicy) => {
    const spool = new PredictionSpool(base, { folder: join(world.folder, whenFull), maxBytes: 100, whenFull });
    await spool.start();
    spool.log([answered('a'), answered('b')]);
    return () => spool.log([answered('c'), answered('d')]);
  };
  expect(await taken('reject')).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }));
  expect(await taken('drop-and-count')).not.toThrow();
  expect((await metrics.render()).body).toContain('relearn_predictions_left_out_total{what="answer"} 2');
});

test('the label is left out beside the probabilities it follows from, and only there', () => {
  const tensor = (name: string) => {
    const width = name === 'probabilities' ? 2 : 1;
    const bytes = new Uint8Array(Float32Array.from([1, 0].slice(0, width)).buffer);
    return { spec: { name, datatype: 'FP32' as const, shape: [-1, width] }, tensor: { shape: [1, width], bytes } };
  };
  const told = (...names: string[]) => {
    const record: PredictionRecord = { ...answered('a'), outputs: names.map(tensor) };
    return linesOf([record], 1).flatMap((line) => Object.keys(loggedLineOf(line).outputs));
  };
  expect(told('probability', 'label')).toEqual(['probability']);
  expect(told('label')).toEqual(['label']);
  expect(told('probabilities', 'label')).toEqual(['probabilities[0]', 'probabilities[1]']);
  expect(told('score', 'label')).toEqual(['score', 'label']);
});
