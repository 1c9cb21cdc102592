// Appends, reads and compare-and-set of the embedded bus and store beside their ceiling: bare libsql on this thread, the same
// schema and pragmas, the same run. Prints one line a figure: median, spread (lowest to highest) and number of rounds.
//
//   npm run build && node bench/engine/run.mjs [--rounds 5] [--ms 400] [--bytes 500] [--folder PATH]

import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openEmbeddedBus } from '@relearn/bus/embedded';
import { systemKernel } from '@relearn/kernel';
import { openSqlite } from '@relearn/sqlite';
import { openEmbeddedStore } from '@relearn/store/embedded';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    ms: { type: 'string', default: '400' },
    bytes: { type: 'string', default: '500' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const rounds = Number(options.rounds);
const roundMs = Number(options.ms);
const value = new Uint8Array(Number(options.bytes)).fill(65);
const headers = { ce_type: 'relearn.data.validated.v1', ce_id: 'a1b2c3', ce_source: 'flights/0/data.valid' };
const body = { state: 'training', sequences: { 'registry/control': 17 }, outbox: ['x'.repeat(300)] };
const folder = mkdtempSync(join(options.folder, 'relearn-bench-'));

const engine = await openSqlite({ folder, durable: true });
const bus = await openEmbeddedBus(engine, systemKernel);
const store = await openEmbeddedStore(engine);
await bus.ensureTopics([
  { name: 'appends', partitions: 8, retentionMs: null },
  { name: 'reads', partitions: 1, retentionMs: null },
]);
await store.ensureCollections([{ name: 'turns' }]);
const bare = openBare(join(folder, 'bare.db'));

const record = (topic, partition) => ({ topic, partition, key: 'LGA', headers, value });
const batch = (topic, size, partitions) => Array.from({ length: size }, (_, n) => record(topic, n % partitions));

for (const size of [1, 100, 1000]) {
  const records = batch('appends', size, 8);
  await compare(
    `append, ${size} a call`,
    size,
    () => bus.publish(records),
    () => bare.append(size),
  );
}
await compare(
  'append, 1 a call, 100 callers at once',
  100,
  () => Promise.all(Array.from({ length: 100 }, (_, n) => bus.publish([record('appends', n % 8)]))),
  () => bare.append(100),
);

for (let n = 0; n < 20; n++) await bus.publish(batch('reads', 1000, 1));
for (const size of [1, 100, 1000]) {
  let from = 0;
  const read = async () => {
    const records = await bus.read('reads', 0, from, { maxRecords: size, maxBytes: 64e6 });
    from = records.length < size ? 0 : from + size;
  };
  await compare(`read, ${size} a call`, size, read, () => bare.read(size));
}

let document = await store.create('turns', 't', body);
const replace = async () => {
  document = await store.replace('turns', 't', document.version, body);
};
await compare('compare-and-set, 1 caller', 1, replace, () => bare.replace(1));
const ids = Array.from({ length: 100 }, (_, n) => `t${n}`);
const versions = new Map();
for (const id of ids) versions.set(id, (await store.create('turns', id, body)).version);
const replaceAll = () =>
  Promise.all(
    ids.map(async (id) => versions.set(id, (await store.replace('turns', id, versions.get(id), body)).version)),
  );
await compare('compare-and-set, 100 callers at once', 100, replaceAll, () => bare.replace(100));

await bus.close();
await engine.close();
bare.close();
rmSync(folder, { recursive: true });

/** Rounds of both in turn, so that a busy machine is busy for both. */
async function compare(name, size, ours, ceiling) {
  const figures = { ours: [], bare: [] };
  for (let round = 0; round <= rounds; round++) {
    const mine = await rate(size, ours);
    const theirs = await rate(size, ceiling);
    if (round === 0) continue;
    figures.ours.push(mine);
    figures.bare.push(theirs);
  }
  const share = Math.round((100 * median(figures.ours)) / median(figures.bare));
  console.log(`${name.padEnd(40)} ${show(figures.ours)}   bare ${show(figures.bare)}   ${share} %`);
}

async function rate(size, work) {
  const start = performance.now();
  let done = 0;
  while (performance.now() - start < roundMs) {
    await work();
    done += size;
  }
  return (done / (performance.now() - start)) * 1000;
}

function median(figures) {
  return [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)];
}

function show(figures) {
  const number = (figure) => Math.round(figure).toLocaleString('en');
  return `${number(median(figures)).padStart(9)}/s (${number(Math.min(...figures))}–${number(Math.max(...figures))}, n=${figures.length})`;
}

function openBare(file) {
  const Database = createRequire(import.meta.resolve('@relearn/sqlite'))('libsql');
  const db = new Database(file);
  db.exec('PRAGMA page_size = 8192');
  db.pragma('journal_mode = WAL');
  db.exec('PRAGMA synchronous = FULL; PRAGMA cache_size = -16000');
  db.pragma('wal_autocheckpoint = 2000');
  db.exec('CREATE TABLE r (id INTEGER PRIMARY KEY, at REAL, size INTEGER, head TEXT, value BLOB)');
  db.exec('CREATE TABLE d (id TEXT PRIMARY KEY, version INTEGER, body TEXT)');
  const insert = db.prepare('INSERT INTO r VALUES (?, ?, ?, ?, ?)');
  const select = db.prepare('SELECT id, at, head, value FROM r WHERE id >= ? ORDER BY id LIMIT ?').raw();
  const put = db.prepare('INSERT OR REPLACE INTO d VALUES (?, ?, ?)');
  const text = JSON.stringify(body);
  const head = JSON.stringify(['LGA', headers]);
  let id = 0;
  let from = 0;
  return {
    append(size) {
      db.exec('BEGIN');
      for (let n = 0; n < size; n++) insert.run([id++, 1, value.length, head, value]);
      db.exec('COMMIT');
    },
    read(size) {
      const rows = select.all([from, size]);
      from = rows.length < size ? 0 : from + size;
    },
    replace(size) {
      db.exec('BEGIN');
      for (let n = 0; n < size; n++) put.run([`t${n}`, id++, text]);
      db.exec('COMMIT');
    },
    close: () => db.close(),
  };
}
