import fc from 'fast-check';
import type { LoggedEvent } from '@relearn/contracts';
import { expect, test } from 'vitest';
import { together } from '../src/decider/together.js';

const decider = { route: ({ subject = '' }: { subject?: string }) => (subject === '' ? null : subject) };

const events = fc
  .array(fc.record({ pipeline: fc.constantFrom('a', 'b'), turn: fc.constantFrom('', '/1', '/2') }), { maxLength: 150 })
  .map((all) =>
    all.map(({ pipeline, turn }, position) => {
      // `a` and `a/1` are aggregates of one pipeline; every fifth event is nobody's.
      const subject = position % 5 === 4 ? '' : `${pipeline}${turn}`;
      return { pipeline, subject, position } as unknown as LoggedEvent;
    }),
  );

test('whoever is concerned gets each event once, those of a pipeline in their order', () => {
  fc.assert(
    fc.property(events, (all) => {
      const runs = together(decider, all);
      for (const pipeline of ['a', 'b']) {
        const mine = (each: LoggedEvent) => each.pipeline === pipeline && decider.route(each) !== null;
        expect(runs.flatMap((run) => run.events).filter(mine)).toEqual(all.filter(mine));
      }
      for (const run of runs) {
        expect(run.events.length).toBeGreaterThan(0);
        expect(run.events.length).toBeLessThanOrEqual(50);
        for (const event of run.events) expect(decider.route(event)).toBe(run.aggregate);
      }
    }),
  );
});

test('another pipeline between does not part them, another aggregate of the pipeline does', () => {
  const of = (pipeline: string, subject: string) => ({ pipeline, subject }) as unknown as LoggedEvent;
  const runs = together(decider, [of('a', 'a'), of('b', 'b'), of('a', 'a'), of('a', 'a/1'), of('a', 'a')]);
  expect(runs.map(({ aggregate, events: { length } }) => [aggregate, length])).toEqual([
    ['a', 2],
    ['b', 1],
    ['a/1', 1],
    ['a', 1],
  ]);
});
