// Compare-and-set writes and reads a second of each adapter of the store, beside the ceiling in the same run: bare libsql, the bare
// driver of MongoDB. The workloads are the conformance suite's.
//
//   npm run build && node bench/store/run.mjs [--mongodb mongodb://HOST:PORT] [--runs 5] [--writers 16] [--writes 100] [--bytes 2000] [--folder PATH]

import { systemClock } from '@relearn/kernel';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mongoOptions, openMongo } from '@relearn/mongodb';
import { openSqlite } from '@relearn/sqlite';
import { bodyOf, createAll, readAll, replaceAll } from '@relearn/store/conformance';
import { openEmbeddedStore } from '@relearn/store/embedded';
import { createMemoryStore } from '@relearn/store/memory';
import { openMongoStore } from '@relearn/store/mongodb';

const { values: options } = parseArgs({
  options: {
    mongodb: { type: 'string' },
    runs: { type: 'string', default: '5' },
    writers: { type: 'string', default: '16' },
    writes: { type: 'string', default: '100' },
    bytes: { type: 'string', default: '2000' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const runs = Number(options.runs);
const load = { writers: Number(options.writers), writes: Number(options.writes), bytes: Number(options.bytes) };
const operations = load.writers * load.writes;
const folder = mkdtempSync(join(options.folder, 'relearn-bench-'));
const name = `bench-${Date.now()}`;

const subjects = [
  storeSubject('memory', createMemoryStore()),
  await embedded(),
  bareSqlite(),
  ...(options.mongodb === undefined ? [] : [mongodb(options.mongodb), await bareMongodb(options.mongodb)]),
];

const figures = new Map();
for (let run = -1; run < runs; run++) {
  for (const subject of subjects) {
    const collection = `run${run + 1}`;
    await subject.create(collection);
    note(run, subject, 'write', await rate(() => subject.write(collection)));
    note(run, subject, 'read', await rate(() => subject.read(collection)));
  }
}
for (const { name: subject, ceiling } of subjects) {
  for (const what of ['write', 'read']) {
    const [mine, bare] = [of(subject, what), ceiling === undefined ? undefined : of(ceiling, what)];
    const share = bare === undefined ? '' : `, ${Math.round((100 * mine.median) / bare.median)} % of ${ceiling}`;
    console.log(`${subject}: ${what} ${mine.median}/s (${mine.least}-${mine.most}), n ${mine.n}${share}`);
  }
}
for (const { close } of subjects) await close();
rmSync(folder, { recursive: true });

async function rate(work) {
  const began = performance.now();
  await work();
  return operations / ((performance.now() - began) / 1000);
}

/** The first run warms up. */
function note(run, subject, what, value) {
  if (run < 0) return;
  const key = `${subject.name} ${what}`;
  figures.set(key, [...(figures.get(key) ?? []), value]);
}

function of(subject, what) {
  const sorted = [...(figures.get(`${subject} ${what}`) ?? [])].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const [least = 0, most = 0] = [sorted[0], sorted.at(-1)];
  return { n: sorted.length, median: Math.round(median), least: Math.round(least), most: Math.round(most) };
}

function storeSubject(subject, store, more = {}) {
  return {
    name: subject,
    async create(collection) {
      await store.ensureCollections([{ name: collection }]);
      await createAll({ ...load, store, collection });
    },
    write: (collection) => replaceAll({ ...load, store, collection }),
    read: (collection) => readAll({ ...load, store, collection }),
    close: () => store.close(),
    ...more,
  };
}

async function embedded() {
  const engine = await openSqlite({ folder, durable: true });
  return storeSubject('embedded', await openEmbeddedStore(engine), {
    ceiling: 'bare SQLite',
    close: () => engine.close(),
  });
}

/** The same rows on this thread, the writers' writes of one round in one transaction. */
function bareSqlite() {
  const Database = createRequire(new URL('../../libs/sqlite/package.json', import.meta.url))('libsql');
  const database = new Database(join(folder, 'bare.db'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  const writers = Array.from({ length: load.writers }, (_, n) => `writer-${n}`);
  return {
    name: 'bare SQLite',
    async create(collection) {
      database.exec(`CREATE TABLE ${collection} (id TEXT PRIMARY KEY, version INTEGER, body TEXT)`);
      const insert = database.prepare(`INSERT INTO ${collection} VALUES (?, 1, ?)`);
      for (const id of writers) insert.run(id, JSON.stringify(bodyOf(load.bytes, 0)));
    },
    async write(collection) {
      const update = database.prepare(`UPDATE ${collection} SET version = ?, body = ? WHERE id = ? AND version = ?`);
      for (let n = 1; n <= load.writes; n++) {
        database.exec('BEGIN');
        for (const id of writers) update.run(n + 1, JSON.stringify(bodyOf(load.bytes, n)), id, n);
        database.exec('COMMIT');
      }
    },
    async read(collection) {
      const select = database.prepare(`SELECT version, body FROM ${collection} WHERE id = ?`);
      for (let n = 0; n < load.writes; n++) for (const id of writers) JSON.parse(select.get(id).body);
    },
    close: async () => database.close(),
  };
}

function mongodb(address) {
  const mongo = openMongo(
    mongoOptions(`${address}/${name}`, () => undefined),
    systemClock,
  );
  return storeSubject('mongodb', openMongoStore(mongo), { ceiling: 'bare mongodb', close: () => mongo.close() });
}

/** The driver as it comes, with bodies as BSON, the same concerns and as many connections. */
async function bareMongodb(address) {
  const { MongoClient } = createRequire(new URL('../../libs/mongodb/package.json', import.meta.url))('mongodb');
  const { client: settings } = mongoOptions(address, () => undefined);
  const client = await new MongoClient(address, settings).connect();
  const writers = Array.from({ length: load.writers }, (_, n) => `writer-${n}`);
  const all = (work) => Promise.all(writers.map(work));
  const of = (collection) => client.db(`${name}-bare`).collection(collection);
  return {
    name: 'bare mongodb',
    create: (collection) => all((_id) => of(collection).insertOne({ _id, version: 1, body: bodyOf(load.bytes, 0) })),
    write: (collection) =>
      all(async (_id) => {
        for (let version = 1; version <= load.writes; version++) {
          const change = { $set: { body: bodyOf(load.bytes, version) }, $inc: { version: 1 } };
          await of(collection).updateOne({ _id, version }, change);
        }
      }),
    read: (collection) =>
      all(async (_id) => {
        for (let n = 0; n < load.writes; n++) await of(collection).findOne({ _id });
      }),
    async close() {
      await client.db(`${name}-bare`).dropDatabase();
      await client.db(name).dropDatabase();
      await client.close();
    },
  };
}
