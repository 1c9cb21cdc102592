import { deadLettered, deadLetterReplayed, type Event } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { deadLetter, foldPart, readCheckpoint, readLetters, requestReplay, sendBack } from '@relearn/runtime';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { adapters, type Durable, memoryDurable } from './world/durable.js';
import { publish, readOnce, recordOf } from './world/log.js';
import { type Crash, type ProcessOptions, TestProcess } from './world/process.js';
import { rowsEvent, toyFold, toySums } from './world/toy-fold.js';

const points = ['before-publish', 'after-publish', 'before-checkpoint', 'after-checkpoint'];

/** The event numbered `n` holds the values 2n - 1 and 2n; what is poisoned says so. */
function events(poisoned: readonly boolean[]): Event[] {
  return poisoned.map((poison, n) => {
    const event = rowsEvent('data.valid', 'a', 2 * n, 2 * n + 2, n === 0 ? null : 2 * n);
    return poison ? { ...event, data: { ...(event.data as object), poison: 'invalid' } } : event;
  });
}

/** A process with the toy, which takes poison or not, and with what sends letters back. */
async function run(durable: Durable, takesPoison: boolean, options: ProcessOptions = {}): Promise<TestProcess> {
  const process = new TestProcess(durable, options);
  const onPoison = () => {
    if (!takesPoison) throw new RelearnError('INVALID_EVENT', 'poison');
  };
  await process.start([foldPart(process.ports, toyFold({ onPoison })), foldPart(process.ports, sendBack())]);
  return process;
}

async function settle(process: TestProcess): Promise<void> {
  await process.settled();
  if (!process.isDead) await process.stop();
}

/** The values that were summed, in order, by the sequence rule. */
async function summed({ bus }: Durable): Promise<number[]> {
  const sums = await readOnce(bus, 'features');
  return sums.flatMap(({ event, fromRow }) => toySums.read(event).data.values.slice(fromRow));
}

const deadLetteredNow = async ({ store }: Durable) => (await readCheckpoint(store, 'toy', 0))?.deadLettered;

const crash = fc.record({
  point: fc.constantFrom(...points.flatMap((point) => [`toy:${point}`, `dead-letters:${point}`])),
  hit: fc.integer({ min: 1, max: 3 }),
  by: fc.constantFrom<Crash['by']>('kill', 'throw'),
});

describe.each(adapters)('dead letters on %s', (name, open) => {
  test('go back in their order and take effect once, through crashes and asked for twice', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
        fc.array(crash, { maxLength: 3 }),
        async (poisoned, crashes) => {
          const durable = await open();
          const valuesOf = (poison: boolean) =>
            poisoned.flatMap((one, n) => (one === poison ? [2 * n + 1, 2 * n + 2] : []));
          await publish(durable.bus, 'data.valid', events(poisoned));
          await settle(await run(durable, false));
          expect(await summed(durable)).toEqual(valuesOf(false));
          expect(await deadLetteredNow(durable)).toBe(poisoned.filter(Boolean).length);
          for (const one of crashes) {
            const process = await run(durable, true, { crash: one });
            await requestReplay(process.ports, {}, 'ann').catch(() => []);
            await settle(process);
          }
          const last = await run(durable, true);
          await requestReplay(last.ports, {}, 'ann');
          await last.settled();
          expect(await requestReplay(last.ports, {}, 'ann')).toEqual({ requested: [], left: [] });
          await settle(last);
          expect(await summed(durable)).toEqual([...valuesOf(false), ...valuesOf(true)]);
          expect(await deadLetteredNow(durable)).toBe(0);
          expect((await readLetters(durable.bus)).every(({ replayed }) => replayed)).toBe(true);
          await durable.close();
        },
      ),
      { numRuns: name === 'memory' ? 25 : 5 },
    );
  });
});

describe('a dead letter', () => {
  test('that cannot be taken when it comes back is a dead letter again, with the first one’s bytes', async () => {
    const durable = await memoryDurable();
    await publish(durable.bus, 'data.valid', events([true, false]));
    const process = await run(durable, false);
    await process.settled();
    const [first] = await readLetters(durable.bus);
    expect((await requestReplay(process.ports, { ids: [first?.event.id ?? ''] }, 'ann')).requested).toHaveLength(1);
    await settle(process);
    const [, second] = await readLetters(durable.bus);
    const { code: _, message: __, ...original } = deadLettered.read(first?.event as Event).data;
    expect(second?.event.data).toMatchObject(original);
    expect(second?.event.id).not.toBe(first?.event.id);
    expect(await deadLetteredNow(durable)).toBe(1);
    const fixed = await run(durable, true);
    expect((await requestReplay(fixed.ports, {}, 'ann')).requested).toEqual([second?.event.id]);
    await settle(fixed);
    expect(await summed(durable)).toEqual([3, 4, 1, 2]);
    expect(await deadLetteredNow(durable)).toBe(0);
    await durable.close();
  });

  test('is applied from the row on that another copy of its event had not brought', async () => {
    const durable = await memoryDurable();
    const whole = rowsEvent('data.valid', 'a', 0, 4, null);
    const poisoned = { ...whole, data: { ...(whole.data as object), poison: 'invalid' } };
    await publish(durable.bus, 'data.valid', [rowsEvent('data.valid', 'a', 0, 2, null), poisoned]);
    await settle(await run(durable, false));
    const process = await run(durable, true);
    await requestReplay(process.ports, {}, 'ann');
    await settle(process);
    expect(await summed(durable)).toEqual([1, 2, 3, 4]);
    await durable.close();
  });

  test('comes back to its consumer alone', async () => {
    const durable = await memoryDurable();
    await publish(durable.bus, 'data.valid', events([true]));
    await settle(await run(durable, false));
    const process = await run(durable, true);
    await requestReplay(process.ports, {}, 'ann');
    await settle(process);
    const records = await readOnce(durable.bus, 'data.valid');
    const back = records.map(({ event }) => event).find((event) => deadLetterReplayed.is(event));
    expect(back?.data).toMatchObject({ consumer: 'toy', topic: 'data.valid', position: 0, records: 1 });
    const other = { ...(back as Event), source: 'dead-letters/other/0/data.valid' };
    const another = { ...other, data: { ...(other.data as object), consumer: 'other' } };
    await durable.bus.publish([recordOf('data.valid', another)]);
    await settle(await run(durable, true));
    expect(await summed(durable)).toEqual([1, 2]);
    await durable.close();
  });

  test('of a decider is told of and left, whichever topic it came from', async () => {
    const durable = await memoryDurable();
    const { ports } = new TestProcess(durable);
    const record = { ...recordOf('monitoring', rowsEvent('data.valid', 'a', 0, 1, null)), position: 3, appendedAt: 0 };
    await deadLetter(ports, 'toy-decider', record, new RelearnError('INVALID_EVENT', 'no JSON'));
    const [letter] = await readLetters(durable.bus);
    const id = letter?.event.id ?? '';
    expect(await requestReplay(ports, {}, 'ann')).toEqual({ requested: [], left: [id] });
    await expect(requestReplay(ports, { ids: [id] }, 'ann')).rejects.toMatchObject({ code: 'REFUSED' });
    await durable.close();
  });

  test('of a name that nobody knows is not found', async () => {
    const durable = await memoryDurable();
    const { ports } = new TestProcess(durable);
    await expect(requestReplay(ports, { ids: ['x'] }, 'ann')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await durable.close();
  });
});
