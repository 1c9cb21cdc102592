import { openGridFsBlobs } from '@relearn/blobs/gridfs';
import { type BlobsServer, blobsConformance } from '@relearn/blobs/conformance';
import { type Clock, sha256, systemChance, systemClock } from '@relearn/kernel';
import { type Mongo, mongoOptions, openMongo } from '@relearn/mongodb';
import { Binary, ObjectId } from 'mongodb';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { serverOfOurOwn } from '../../../tests/brokers/own-server.js';

const { mongodb } = inject('engines');

interface Chunk {
  readonly _id: string;
  readonly files_id: ObjectId;
  readonly data: Binary;
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

describe.skipIf(mongodb === null)('on a server', async () => {
  const server = mongodb === null ? null : await serverOfOurOwn('mongodb');
  const prefix = `blobs-${systemChance.id().slice(0, 8)}`;
  let count = 0;
  let dead = false;

  const connect = (name: string) =>
    openMongo(
      mongoOptions(`${server?.address ?? mongodb}/${name}`, () => undefined),
      systemClock,
    );

  const guarded = (own: BlobsServer): BlobsServer => ({
    async kill() {
      dead = true;
      await own.kill();
    },
    async restart() {
      await own.restart();
      dead = false;
    },
  });

  const factory = async () => {
    const name = `${prefix}-${++count}`;
    const opened: Mongo[] = [connect(name)];
    const open = async () => {
      const mongo = connect(name);
      opened.push(mongo);
      return openGridFsBlobs(mongo);
    };
    return {
      blobs: await open(),
      reopen: open,
      another: open,
      ...(server !== null && { server: guarded(server) }),
      damage: async (digest: string) => {
        await opened[0]?.run('damage', async (database) => {
          const file = await database.collection('blobs.files').findOne({ filename: digest });
          const chunks = database.collection<Chunk>('blobs.chunks');
          const chunk = await chunks.findOne({ files_id: file?._id ?? new ObjectId() });
          const bytes = Buffer.from(chunk?.data.value() ?? []);
          bytes[0] = (bytes[0] ?? 0) ^ 1;
          await chunks.updateOne({ _id: chunk?._id ?? '' }, { $set: { data: new Binary(bytes) } });
        });
      },
      close: async () => {
        if (dead) await server?.restart();
        await opened[0]?.run('the end', (database) => database.dropDatabase());
        await Promise.all(opened.map((mongo) => mongo.close()));
      },
    };
  };

  blobsConformance('gridfs', factory, server === null ? { server: 'it is not a server of this run' } : {});

  describe('leftovers', () => {
    const name = `${prefix}-leftovers`;
    let mongo: Mongo;
    const hour = 3_600_000;
    const later = (ms: number): Clock => ({ ...systemClock, wall: () => systemClock.wall() + ms });
    const counts = () =>
      mongo.run('count', async (database) => [
        (await database.collection('blobs.files').find().toArray()).length,
        (await database.collection('blobs.chunks').find().toArray()).length,
      ]);
    /** As a process leaves it that dies before the last step. */
    const leave = (filename: string, _id: ObjectId) =>
      mongo.run('leave', async (database) => {
        await database.collection('blobs.files').insertOne({ _id, length: 6, chunkSize: 261_120, filename });
        const data = new Binary(bytesOf('abc'));
        const chunk = { _id: `${_id.toHexString()}/0`, files_id: _id, n: 0, data };
        await database.collection<Chunk & { n: number }>('blobs.chunks').insertOne(chunk);
      });

    beforeAll(() => {
      mongo = connect(name);
    });
    afterAll(async () => {
      await mongo.run('the end', (database) => database.dropDatabase());
      await mongo.close();
    });

    test('an upload that was cut off and a removal that was cut off are seen by nobody, and cleaned away', async () => {
      const blobs = openGridFsBlobs(mongo);
      await blobs.put(bytesOf('kept'));
      const [uploading, removing] = [new ObjectId(), new ObjectId()];
      await leave(`unfinished/${uploading.toHexString()}`, uploading);
      await leave(`removed/${removing.toHexString()}`, removing);
      expect(await blobs.list({ limit: 10 })).toEqual([sha256('kept')]);
      expect(await counts()).toEqual([3, 3]);

      // Another process may be at it still: not before its time. A removal can be ended by anybody.
      await openGridFsBlobs(mongo).put(bytesOf('kept'));
      expect(await counts()).toEqual([2, 2]);
      await openGridFsBlobs(mongo, { clock: later(2 * hour) }).put(bytesOf('kept'));
      expect(await counts()).toEqual([1, 1]);
    });

    test('of puts at once one file is left', async () => {
      const blobs = openGridFsBlobs(mongo);
      await Promise.all(Array.from({ length: 8 }, () => blobs.put(bytesOf('at once'))));
      expect(await counts()).toEqual([2, 2]);
      await blobs.remove(sha256('at once'));
      expect(await counts()).toEqual([1, 1]);
    });
  });
});
