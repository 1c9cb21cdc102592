import type { Bus } from '@relearn/bus';
import { checkpointSaved, defineEvent, Type } from '@relearn/contracts';
import {
  aggregateCollection,
  type Decider,
  deciderPart,
  type FoldedService,
  firstDifference,
  readCommitted,
  readStored,
  rebuildReached,
  rebuildStored,
  stateOf,
} from '@relearn/runtime';
import { describe, expect, test } from 'vitest';
import { square } from './world/deciding.js';
import { type Durable, memoryDurable } from './world/durable.js';
import { publish, readOnce } from './world/log.js';
import { hurried, TestProcess } from './world/process.js';
import { asking, toyDecider, type ToyState } from './world/toy-decider.js';

const day = 86_400_000;

/** What is not kept for ever. */
const toyCounted = defineEvent({
  name: 'toy.counted',
  version: 1,
  topic: 'monitoring',
  data: Type.Object({ n: Type.Integer() }, { additionalProperties: false }),
});

/** A toy that also counts what a topic with a retention tells. */
function counting(): Decider<ToyState> {
  const toy = toyDecider(square);
  return {
    ...toy,
    topics: ['control', 'monitoring'],
    route: (event) => (toyCounted.is(event) ? event.pipeline : toy.route(event)),
    evolve: (state, event) =>
      toyCounted.is(event) ? { ...state, started: [...state.started, event.data.n] } : toy.evolve(state, event),
  };
}

const service = () => ({ folds: [], deciders: [counting()] }) as unknown as FoldedService;

/** Handles events of these numbers; every pair of brackets is a process, a quarter of the retention after the one before. */
async function handled(durable: Durable, processes: readonly (readonly number[])[]): Promise<void> {
  for (const [index, numbers] of processes.entries()) {
    const wall = () => hurried.wall() + index * 8 * day;
    const process = new TestProcess(durable, { clock: { ...hurried, wall } });
    await process.start([deciderPart(process.ports, counting())]);
    const events = numbers.map((n) => ({ ...asking(toyCounted, 'a', n, n), source: 'tester/a/monitoring' }));
    for (const event of events) {
      await publish(durable.bus, 'monitoring', [event]);
      await process.settled();
    }
    await process.stop();
  }
}

/** The bus when `monitoring` is no longer kept below the position. */
function forgetful(bus: Bus, below: number): Bus {
  return new Proxy(bus, {
    get(target, property) {
      if (property === 'bounds') {
        return async (topic: string) =>
          (await bus.bounds(topic)).map(({ first, end }) => ({
            first: topic === 'monitoring' ? Math.max(first, below) : first,
            end,
          }));
      }
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

async function rebuilt(durable: Durable, keptFrom: number) {
  const ports = { ...new TestProcess(durable).ports, bus: forgetful(durable.bus, keptFrom) };
  const before = await readStored(durable.store, service());
  const verified = stateOf(await rebuildStored(ports, service(), before));
  await durable.store.remove(aggregateCollection('toy'), 'a');
  const reached = stateOf(await rebuildReached(ports, service(), await readCommitted(ports, service())));
  return [firstDifference(stateOf(before), verified), firstDifference(stateOf(before), reached)];
}

describe('given an aggregate of a topic that is not kept for ever', () => {
  test('when a quarter of the retention has gone by, then it is saved, once, and folded from there', async () => {
    const durable = await memoryDurable();
    await handled(durable, [
      [1, 2, 3],
      [4, 5],
    ]);
    const saved = (await readOnce(durable.bus, 'control')).filter(({ event }) => checkpointSaved.is(event));
    expect(saved.length).toBe(1);
    expect(await rebuilt(durable, 4)).toEqual([null, null]);
    await durable.close();
  });

  test('when it was never saved and the log has lost its beginning, then the rebuild is refused', async () => {
    const durable = await memoryDurable();
    await handled(durable, [[1, 2, 3]]);
    await expect(rebuilt(durable, 1)).rejects.toMatchObject({ code: 'CORRUPT' });
    await durable.close();
  });

  test('when the log has lost what came after it was saved, then the rebuild is refused', async () => {
    const durable = await memoryDurable();
    await handled(durable, [
      [1, 2, 3],
      [4, 5, 6],
    ]);
    await expect(rebuilt(durable, 5)).rejects.toThrow('event 5 of tester/a/monitoring is no longer kept');
    await durable.close();
  });
});
