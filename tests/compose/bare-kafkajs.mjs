// The ceiling for an idle process on Kafka: a consumer in a group and a producer of kafkajs, connected, with nothing to do.
// Says `idle` when both are there.
import { createRequire } from 'node:module';

const topic = 'bare-kafkajs';
const { Kafka, logLevel } = createRequire(new URL('../../libs/bus/package.json', import.meta.url))('kafkajs');
const kafka = new Kafka({ brokers: ['kafka:9092'], logLevel: logLevel.NOTHING });
const admin = kafka.admin();
await admin.connect();
await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 8, replicationFactor: 1 }] });
await admin.disconnect();
const producer = kafka.producer();
await producer.connect();
const consumer = kafka.consumer({ groupId: topic });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({ eachMessage: async () => console.log('idle') });
await producer.send({ topic, messages: [{ value: 'one' }] });
process.once('SIGTERM', () => process.exit());
