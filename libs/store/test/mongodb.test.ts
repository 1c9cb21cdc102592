import { systemChance, systemClock } from '@relearn/kernel';
import { mongoOptions, openMongo } from '@relearn/mongodb';
import { type StoreServer, storeConformance } from '@relearn/store/conformance';
import { openMongoStore } from '@relearn/store/mongodb';
import { describe, inject } from 'vitest';
import { serverOfOurOwn } from '../../../tests/brokers/own-server.js';

const { mongodb } = inject('engines');

describe.skipIf(mongodb === null)('on a server', async () => {
  const server = mongodb === null ? null : await serverOfOurOwn('mongodb');
  const prefix = `store-${systemChance.id().slice(0, 8)}`;
  let count = 0;
  let dead = false;

  const guarded = (own: StoreServer): StoreServer => ({
    async kill() {
      dead = true;
      await own.kill();
    },
    async restart() {
      await own.restart();
      dead = false;
    },
  });

  storeConformance(
    'mongodb',
    async () => {
      const options = mongoOptions(`${server?.address ?? mongodb}/${prefix}-${++count}`, () => undefined);
      const opened = [openMongo(options, systemClock)];
      const open = async () => {
        const mongo = openMongo(options, systemClock);
        opened.push(mongo);
        return openMongoStore(mongo);
      };
      return {
        store: await open(),
        reopen: open,
        another: open,
        ...(server !== null && { server: guarded(server) }),
        async close() {
          if (dead) await server?.restart();
          await opened[0]?.run('the end', (database) => database.dropDatabase());
          await Promise.all(opened.map((mongo) => mongo.close()));
        },
      };
    },
    server === null ? { server: 'it is not a server of this run' } : {},
  );
});
