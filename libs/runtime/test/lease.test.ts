import { RelearnError } from '@relearn/kernel';
import { Lease, leaseCollection } from '@relearn/runtime';
import { createMemoryStore } from '@relearn/store/memory';
import { expect, test } from 'vitest';
import { tick } from './world/deciding.js';
import { fast } from './world/process.js';

const id = 'toy/job';

async function leases() {
  const store = createMemoryStore();
  await store.ensureCollections([{ name: leaseCollection }]);
  const running = new AbortController();
  const take = async (owner: string): Promise<Lease> => {
    const options = { store, clock: fast(100), owner, exclusive: false };
    const lease = await Lease.acquire(options, id, running.signal);
    if (lease === null) throw new Error(`${owner} has no lease`);
    return lease;
  };
  return { store, take, stored: () => store.get(leaseCollection, id) };
}

test('a lease that is given back before its job has ended is free at once, and its fence goes on', async () => {
  const { take, stored } = await leases();
  const one = await take('one');
  await one.release(false);
  const two = await take('two');
  expect((await stored())?.body).toMatchObject({ owner: 'two', fence: 2 });
  await expect(one.check()).rejects.toMatchObject({ code: 'FENCED' });
  await two.check();
  await two.release(true);
  expect(await stored()).toBeNull();
});

test("an owner that was replaced removes nobody else's lease", async () => {
  const { store, take, stored } = await leases();
  const one = await take('one');
  const { version = 0, body = null } = (await stored()) ?? {};
  await store.replace(leaseCollection, id, version, { ...Object(body), owner: 'two', fence: 2 });
  await one.release(true);
  expect((await stored())?.body).toMatchObject({ owner: 'two', fence: 2 });
});

test('an owner whose lease is gone hears so', async () => {
  const { store, take } = await leases();
  const one = await take('one');
  await store.remove(leaseCollection, id);
  while (!one.lostSignal.aborted) await tick();
  await expect(one.check()).rejects.toMatchObject({ code: 'FENCED' });
  await one.release(false);
});

test('a move of the lease that comes about late takes no later lease of the same job', async () => {
  const { store, take, stored } = await leases();
  const late: (() => Promise<unknown>)[] = [];
  const { replace } = store;
  store.replace = (...write) => {
    late.push(() => replace(...write));
    return Promise.reject(new RelearnError('UNAVAILABLE', 'no answer'));
  };
  const one = await take('one');
  while (late.length === 0) await tick();
  store.replace = replace;
  await one.release(true);
  const two = await take('two');
  for (const write of late) await expect(write()).rejects.toMatchObject({ code: 'CONFLICT' });
  expect((await stored())?.body).toMatchObject({ owner: 'two' });
  await two.release(true);
});
