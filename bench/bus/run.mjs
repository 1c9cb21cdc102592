// Records a second that each adapter of the bus publishes and that a group of one member reads and commits, and the time from
// publishing a record to a follower's having it; beside the ceiling in the same run: bare libsql, bare kafkajs, bare nats.
// The workloads are the conformance suite's.
//
//   npm run build && node bench/bus/run.mjs [--kafka HOST:PORT] [--nats HOST:PORT] [--runs 5] [--records 40000] [--bytes 300] [--folder PATH]

import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { consumeAll, publishAll, recordsOf, roundTrips } from '@relearn/bus/conformance';
import { openEmbeddedBus } from '@relearn/bus/embedded';
import { kafkaOptions, openKafkaBus } from '@relearn/bus/kafka';
import { createMemoryBus } from '@relearn/bus/memory';
import { natsOptions, openNatsBus } from '@relearn/bus/nats';
import { systemKernel } from '@relearn/kernel';
import { openSqlite } from '@relearn/sqlite';
import { createMemoryStore } from '@relearn/store/memory';

const { values: options } = parseArgs({
  options: {
    kafka: { type: 'string' },
    nats: { type: 'string' },
    runs: { type: 'string', default: '5' },
    records: { type: 'string', default: '40000' },
    bytes: { type: 'string', default: '300' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const runs = Number(options.runs);
const partitions = 8;
const batch = 1_000;
const load = { partitions, batch, records: Number(options.records), bytes: Number(options.bytes), calls: 1 };
const folder = mkdtempSync(join(options.folder, 'relearn-bench-'));
const requireBus = createRequire(new URL('../../libs/bus/package.json', import.meta.url));

/** An adapter, or a bare driver in its place: each answers what it takes to publish the load and to read it again. */
const subjects = [
  await busSubject('memory', createMemoryBus(systemKernel)),
  await embedded(),
  bareSqlite(),
  ...(options.kafka === undefined ? [] : [await kafka(options.kafka), await bareKafka(options.kafka)]),
  ...(options.nats === undefined ? [] : [await nats(options.nats), await bareNats(options.nats)]),
];

const figures = new Map();
for (let run = -1; run < runs; run++) {
  for (const subject of subjects) {
    const topic = `run${Date.now()}`;
    await subject.create(topic);
    note(run, subject, 'publish', await rate(() => subject.publish(topic)));
    note(run, subject, 'consume', await rate(() => subject.consume(topic)));
    for (const ms of run < 0 ? [] : await subject.trips(topic)) note(run, subject, 'trip', ms);
  }
}
for (const { name, ceiling } of subjects) {
  for (const what of ['publish', 'consume']) {
    const [mine, bare] = [of(name, what), ceiling === undefined ? undefined : of(ceiling, what)];
    const share = bare === undefined ? '' : `, ${Math.round((100 * mine.median) / bare.median)} % of ${ceiling}`;
    console.log(`${name}: ${what} ${mine.median} records/s (${mine.least}-${mine.most}), n ${mine.n}${share}`);
  }
  const trips = of(name, 'trip');
  if (trips.n > 0)
    console.log(`${name}: to a follower ${trips.exact} ms at the median, ${trips.p99} ms at p99, n ${trips.n}`);
}
for (const { close } of subjects) await close();
rmSync(folder, { recursive: true });

async function rate(work) {
  const began = performance.now();
  await work();
  return load.records / ((performance.now() - began) / 1000);
}

/** The first run warms up. */
function note(run, { name }, what, value) {
  if (run < 0) return;
  const key = `${name} ${what}`;
  figures.set(key, [...(figures.get(key) ?? []), value]);
}

function of(name, what) {
  const sorted = [...(figures.get(`${name} ${what}`) ?? [])].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return {
    n: sorted.length,
    median: Math.round(at(0.5)),
    exact: at(0.5).toFixed(1),
    p99: at(0.99).toFixed(1),
    least: Math.round(at(0)),
    most: Math.round(at(1)),
  };
}

async function busSubject(name, bus, more = {}) {
  return {
    name,
    create: (topic) => bus.ensureTopics([{ name: topic, partitions, retentionMs: null }]),
    publish: (topic) => publishAll({ ...load, bus, topic }),
    consume: (topic) => consumeAll({ ...load, bus, topic }, topic),
    trips: (topic) => roundTrips({ ...load, bus, topic, records: 100 }, () => performance.now()),
    close: () => bus.close(),
    ...more,
  };
}

async function embedded() {
  const engine = await openSqlite({ folder, durable: true });
  const bus = await openEmbeddedBus(engine, systemKernel);
  const close = async () => {
    await bus.close();
    await engine.close();
  };
  return busSubject('embedded', bus, { close, ceiling: 'bare SQLite' });
}

/** The same rows, a transaction a call, on this thread. */
function bareSqlite() {
  const Database = createRequire(new URL('../../libs/sqlite/package.json', import.meta.url))('libsql');
  const database = new Database(join(folder, 'bare.db'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  const publish = async (topic) => {
    const insert = database.prepare(`INSERT INTO ${topic} VALUES (?, ?, ?, ?, ?)`);
    const next = new Array(partitions).fill(0);
    for (let call = 0; call * batch < load.records; call++) {
      database.exec('BEGIN');
      for (const { partition, headers, key, value } of recordsOf({ ...load, topic }, call)) {
        insert.run(partition, next[partition]++, Date.now(), JSON.stringify([key, headers]), Buffer.from(value));
      }
      database.exec('COMMIT');
    }
  };
  const consume = async (topic) => {
    const select = database.prepare(
      `SELECT * FROM ${topic} WHERE shard = ? AND position >= ? ORDER BY position LIMIT 1000`,
    );
    for (let shard = 0; shard < partitions; shard++) {
      for (let from = 0, rows = select.all(shard, from); rows.length > 0; rows = select.all(shard, from)) {
        from = rows.at(-1).position + 1;
      }
    }
  };
  return {
    name: 'bare SQLite',
    create: async (topic) =>
      database.exec(
        `CREATE TABLE ${topic} (shard INTEGER, position INTEGER, at INTEGER, head TEXT, value BLOB, PRIMARY KEY (shard, position)) WITHOUT ROWID`,
      ),
    publish,
    consume,
    trips: async () => [],
    close: async () => database.close(),
  };
}

async function kafka(address) {
  const url = `kafka://${address}?prefix=bench${Date.now()}.`;
  const bus = await openKafkaBus(kafkaOptions(url), systemKernel);
  return busSubject('kafka', bus, { ceiling: 'bare kafkajs' });
}

/** kafkajs as it comes: its producer with acks of all, its consumer with eachBatch from the beginning. */
async function bareKafka(address) {
  const { Kafka, logLevel, Partitioners } = requireBus('kafkajs');
  const client = new Kafka({ brokers: [address], clientId: 'bare', logLevel: logLevel.NOTHING });
  const createPartitioner = Partitioners.DefaultPartitioner;
  const producer = client.producer({ createPartitioner, maxInFlightRequests: 1 });
  const admin = client.admin();
  await Promise.all([producer.connect(), admin.connect()]);
  const inCluster = (topic) => `bare-${topic}`;
  const publish = async (topic) => {
    for (let call = 0; call * batch < load.records; call++) {
      const messages = recordsOf({ ...load, topic }, call).map(({ partition, key, headers, value }) => {
        return { partition, key, headers, value: Buffer.from(value) };
      });
      await producer.send({ topic: inCluster(topic), acks: -1, messages });
    }
  };
  const consume = async (topic) => {
    const consumer = client.consumer({ groupId: topic, heartbeatInterval: 500, sessionTimeout: 6_000 });
    await consumer.connect();
    await consumer.subscribe({ topic: inCluster(topic), fromBeginning: true });
    let seen = 0;
    await new Promise((resolve) => {
      const eachBatch = async ({ batch: { messages } }) => {
        seen += messages.length;
        if (seen >= load.records) resolve();
      };
      void consumer.run({ autoCommit: true, eachBatch });
    });
    await consumer.disconnect();
  };
  return {
    name: 'bare kafkajs',
    create: (topic) =>
      admin.createTopics({ topics: [{ topic: inCluster(topic), numPartitions: partitions }], waitForLeaders: true }),
    publish,
    consume,
    trips: async () => [],
    close: () => Promise.all([producer.disconnect(), admin.disconnect()]),
  };
}

async function nats(address) {
  const url = `nats://${address}?prefix=bench${Date.now()}`;
  const bus = await openNatsBus({ ...natsOptions(url), store: createMemoryStore() }, systemKernel);
  return busSubject('nats', bus, { ceiling: 'bare nats' });
}

/** nats as it comes: a call's publishes all on their way at once, and an ordered consumer a partition. Streams as ours. */
async function bareNats(address) {
  const { connect, headers: newHeaders } = requireBus('nats');
  const connection = await connect({ servers: address });
  const manager = await connection.jetstreamManager();
  const client = connection.jetstream();
  const streamOf = (topic, partition) => `bare-${topic}-${partition}`;
  const create = async (topic) => {
    for (let partition = 0; partition < partitions; partition++) {
      const name = streamOf(topic, partition);
      await manager.streams.add({ name, subjects: [name], storage: 'file', discard: 'new' });
    }
  };
  const publish = async (topic) => {
    for (let call = 0; call * batch < load.records; call++) {
      const sending = recordsOf({ ...load, topic }, call).map(({ partition, headers, value }) => {
        const lines = newHeaders();
        for (const [name, text] of Object.entries(headers)) lines.append(name, text);
        return client.publish(streamOf(topic, partition), value, { headers: lines });
      });
      await Promise.all(sending);
    }
  };
  const consumeOne = async (name) => {
    const { state } = await manager.streams.info(name);
    if (state.messages === 0) return;
    const consumer = await client.consumers.get(name);
    const messages = await consumer.consume({ max_messages: 1_000 });
    for await (const { seq } of messages) if (seq === state.last_seq) break;
    await messages.close();
  };
  return {
    name: 'bare nats',
    create,
    publish,
    consume: async (topic) => {
      await Promise.all(Array.from({ length: partitions }, (_, partition) => consumeOne(streamOf(topic, partition))));
    },
    trips: async () => [],
    close: () => connection.close(),
  };
}
