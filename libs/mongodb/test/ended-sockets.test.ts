import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemChance, systemClock } from '@relearn/kernel';
import { type Mongo, mongoOptions, openMongo } from '@relearn/mongodb';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';

const { mongodb } = inject('engines');
const { connect } = Socket.prototype;
const database = `ended-${systemChance.id().slice(0, 8)}`;
/** How much later it is than the system says. */
let aheadMs = 0;
/** How many times too early it calls back. */
let hurry = 1;
const clock: Clock = {
  ...systemClock,
  now: () => systemClock.now() + aheadMs,
  after: (ms, callback) => systemClock.after(ms / hurry, callback),
};
let sockets: Socket[];
let mongo: Mongo;

beforeEach(() => {
  aheadMs = 0;
  hurry = 1;
  sockets = [];
  Socket.prototype.connect = function connectAndTell(this: Socket, ...given: unknown[]) {
    sockets.push(this);
    return Reflect.apply(connect, this, given);
  };
  mongo = openMongo(
    mongoOptions(`${mongodb}/${database}`, () => undefined),
    clock,
  );
});

afterEach(async () => {
  Socket.prototype.connect = connect;
  await mongo.close();
});

const ping = () => mongo.run('ping', (opened) => opened.command({ ping: 1 }));
const away = { code: 'UNAVAILABLE' };

/** Each is written to when it has ended and nobody has been told yet. */
function endAtNextWrite(): readonly Socket[] {
  const ending = sockets.filter(({ destroyed }) => !destroyed);
  for (const socket of ending) {
    const { write } = socket;
    socket.write = (...given: unknown[]) => {
      socket.destroy();
      return Reflect.apply(write, socket, given);
    };
  }
  return ending;
}

test.skipIf(mongodb === null)(
  'an operation on a socket that has just ended is UNAVAILABLE, and the next one passes',
  async () => {
    await ping();
    hurry = 50;
    endAtNextWrite();
    await expect(ping()).rejects.toMatchObject({ ...away, message: expect.stringContaining('has not answered') });
    await ping();
    expect(mongo.health()).toBeNull();
  },
);

test.skipIf(mongodb === null)(
  'a server whose check was written to a socket that had just ended is found again',
  async () => {
    await ping();
    // Whoever writes to one of these now is the check; operations have new ones.
    const [check] = endAtNextWrite();
    while (check?.destroyed !== true) await sleep(20);
    for (const socket of sockets.filter(({ destroyed }) => !destroyed)) {
      socket.write = () => socket.destroy(new Error('reset')) === socket;
    }
    await expect(ping()).rejects.toMatchObject(away);
    aheadMs = 3_600_000;
    // The first tells that the check has no end; who comes later has another driver.
    await ping().catch(() => undefined);
    await ping();
    expect(mongo.health()).toBeNull();
  },
);
