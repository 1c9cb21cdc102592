import { decodeEvent, defineEvent, type Event, type LoggedEvent, Type } from '@relearn/contracts';
import { AggregateHost, type Decider, decodeAggregate, foldAggregate, foldedOf, own, unfolded } from '@relearn/runtime';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memoryDurable } from './world/durable.js';
import { TestProcess } from './world/process.js';

const data = Type.Object({ n: Type.Integer() }, { additionalProperties: false });
const inControl = defineEvent({ name: 'sides.control', version: 1, topic: 'control', data });
const inMonitoring = defineEvent({ name: 'sides.monitoring', version: 1, topic: 'monitoring', data });
const madeControl = defineEvent({ name: 'sides.made-control', version: 1, topic: 'control', data });
const madeMonitoring = defineEvent({ name: 'sides.made-monitoring', version: 1, topic: 'monitoring', data });

/** Hears two topics in several partitions, and the order of all that it hears and makes is its state. */
const sides: Decider<string[]> = {
  service: 'toy',
  topics: ['control', 'monitoring'],
  route: (event) => event.pipeline,
  initial: () => [],
  decide(state, event) {
    const { n } = event.data as { n: number };
    const made = n % 3 === 0 ? [own({ type: madeControl, data: { n: state.length }, pipelineVersion: 1 })] : [];
    const more = n % 6 === 0 ? [own({ type: madeMonitoring, data: { n: state.length }, pipelineVersion: 1 })] : [];
    return { events: [...more, ...made] };
  },
  evolve: (state, event) => [...state, event.id],
  encode: (state) => state,
  decode: (body) => body as string[],
};

/** What happens to the aggregate next: an input of one of the streams, or a command. */
type Step = { readonly stream: number; readonly n: number } | 'command';

const streams = [
  ['control', 0],
  ['monitoring', 0],
  ['monitoring', 1],
  ['monitoring', 2],
] as const;

function input(stream: number, position: number, n: number): LoggedEvent {
  const [topic, partition] = streams[stream] ?? ['control', 0];
  const source = `tester/${partition}/${topic}`;
  return {
    id: `${source}@${position + 1}`,
    source,
    type: (topic === 'control' ? inControl : inMonitoring).type,
    sequence: position + 1,
    previous: position === 0 ? null : position,
    time: new Date(1e12 + n * 1000).toISOString(),
    pipeline: 'a',
    pipelineversion: 1,
    data: { n },
    topic,
    partition,
    position,
  };
}

async function run(steps: readonly Step[]) {
  const durable = await memoryDurable();
  const { ports } = new TestProcess(durable);
  const host = new AggregateHost(ports, sides);
  const inputs: LoggedEvent[] = [];
  const next = [0, 0, 0, 0];
  let waiting: LoggedEvent[] = [];
  const handle = async () => {
    await host.handle('a', waiting);
    waiting = [];
  };
  for (const step of steps) {
    if (step === 'command') {
      await handle();
      const told = own({ type: madeControl, data: { n: -1 }, pipelineVersion: 1 });
      await host.command('a', 2e12, 'ann', () => ({ events: [told] }));
      continue;
    }
    // Positions have gaps: what stands between is of other aggregates.
    const position = (next[step.stream] ?? 0) + (step.n % 2);
    next[step.stream] = position + 1;
    const event = input(step.stream, position, step.n);
    inputs.push(event);
    waiting.push(event);
    if (waiting.length > step.n % 3) await handle();
  }
  await handle();
  const made: Event[] = [];
  for (const topic of ['monitoring', 'control']) {
    for (const record of await durable.bus.read(topic, 0, 0, { maxRecords: 10_000, maxBytes: 1 << 30 })) {
      made.push(decodeEvent(record));
    }
  }
  const found = await durable.store.get('aggregates-toy', 'a');
  await durable.close();
  return { inputs, made, stored: found === null ? null : foldedOf(decodeAggregate(found.body)) };
}

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ stream: fc.integer({ min: 0, max: 3 }), n: fc.integer({ min: 0, max: 20 }) }) },
  { weight: 1, arbitrary: fc.constant('command' as const) },
);

describe('an aggregate that hears several topics', () => {
  test('folds from the log to what is stored, whatever came in which order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { inputs, made, stored } = await run(steps);
        const order = byStreams(inputs);
        const folded = await foldAggregate(sides, unfolded(sides), { inputs: order, own: made }, async () => undefined);
        expect(folded).toEqual(stored ?? unfolded(sides));
      }),
      { numRuns: 100 },
    );
  });

  test('says in the log what it had handled, where the canonical order would not', async () => {
    const { made } = await run([
      { stream: 2, n: 1 },
      { stream: 3, n: 1 },
      { stream: 0, n: 1 },
      { stream: 3, n: 1 },
      { stream: 0, n: 3 },
    ]);
    expect(made.map(({ type, sequence, seen }) => [type.split('.')[1], sequence, seen])).toEqual([
      ['inputs', 1, 'monitoring/1@1 monitoring/2@1'],
      ['inputs', 2, 'control/0@1 monitoring/1@1 monitoring/2@3'],
      ['sides', 3, 'control/0@3 monitoring/1@1 monitoring/2@3'],
    ]);
  });
});

/** As a reader of the log has them: each stream in its order, the streams in no order that says anything. */
function byStreams(inputs: readonly LoggedEvent[]): LoggedEvent[] {
  return inputs.toSorted((a, b) => b.partition - a.partition || (a.topic < b.topic ? 1 : a.topic > b.topic ? -1 : 0));
}
