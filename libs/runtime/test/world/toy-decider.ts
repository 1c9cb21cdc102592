import { defineEvent, type Event, timerFired, Type } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { type Decider, type EventRef, type JobContext, own, type OwnEvent, refOf } from '@relearn/runtime';
import type { Json } from '@relearn/store';

const data = Type.Object({ n: Type.Integer() }, { additionalProperties: false });
const control = { version: 1, topic: 'control', data } as const;

/** What others ask of the toy: work on a number, or not to; a reminder, or none. */
export const toyAsked = defineEvent({ name: 'toy.asked', ...control });
export const toyStopped = defineEvent({ name: 'toy.stopped', ...control });
export const toyRemind = defineEvent({ name: 'toy.remind', ...control });
export const toyForget = defineEvent({ name: 'toy.forget', ...control });

/** What the toy says. */
export const toyStarted = defineEvent({ name: 'toy.started', ...control });
export const toyDone = defineEvent({ name: 'toy.done', ...control });
export const toyFailed = defineEvent({ name: 'toy.failed', ...control });
export const toyReminded = defineEvent({ name: 'toy.reminded', ...control });
export const toyTold = defineEvent({ name: 'toy.told', ...control });

export interface ToyState {
  readonly started: readonly number[];
  readonly ended: readonly number[];
  /** Jobs that have neither ended nor been stopped, by number. */
  readonly running: Readonly<Record<string, { readonly id: string; readonly cause: EventRef }>>;
  readonly reminders: readonly number[];
}

export type Work = (n: number, context: JobContext) => Promise<number>;

const said = (type: typeof toyDone, n: number): OwnEvent => own({ type, data: { n }, pipelineVersion: 1 });
const timer = (n: number) => `reminder/${n}`;

/** Starts a job for each number and says how it ended; reminds of others after a time. One aggregate a pipeline. */
export function toyDecider(work: Work, reminderMs = 40): Decider<ToyState> {
  return {
    service: 'toy',
    topics: ['control'],
    route: (event) =>
      [toyAsked, toyStopped, toyRemind, toyForget, timerFired].some((type) => type.is(event)) ? event.pipeline : null,
    initial: () => ({ started: [], ended: [], running: {}, reminders: [] }),
    decide(_state, event) {
      if (timerFired.is(event)) return { events: [said(toyReminded, Number(event.data.timer.split('/')[1]))] };
      return toyAsked.is(event) ? { events: [said(toyStarted, event.data.n)] } : {};
    },
    finish: (_state, job, result) => ({ events: [said(result.ok ? toyDone : toyFailed, Number(job.input))] }),
    due: ({ running, reminders }) => ({
      jobs: Object.entries(running).map(([n, { id, cause }]) => ({ id, kind: 'work', input: Number(n), cause })),
      timers: reminders.map((n) => ({ id: timer(n), afterMs: reminderMs })),
    }),
    evolve(state, event) {
      if (timerFired.is(event)) return without(state, Number(event.data.timer.split('/')[1]), 'reminders');
      const { n } = event.data as { n: number };
      if (toyAsked.is(event)) {
        const job = { id: `${event.pipeline}/job/${n}`, cause: refOf(event) };
        return { ...state, running: { ...state.running, [n]: job } };
      }
      if (toyStopped.is(event)) return without(state, n, 'running');
      if (toyStarted.is(event)) return { ...state, started: [...state.started, n] };
      if (toyDone.is(event) || toyFailed.is(event)) {
        return { ...without(state, n, 'running'), ended: [...state.ended, n] };
      }
      if (toyRemind.is(event)) return { ...state, reminders: [...state.reminders, n] };
      return toyForget.is(event) ? without(state, n, 'reminders') : state;
    },
    jobs: { work: { run: async (input, context) => work(Number(input), context) } },
    encode: (state) => state as unknown as Json,
    decode: (body) => body as unknown as ToyState,
  };
}

function without(state: ToyState, n: number, what: 'running' | 'reminders'): ToyState {
  if (what === 'reminders') return { ...state, reminders: state.reminders.filter((one) => one !== n) };
  const { [n]: _, ...running } = state.running;
  return { ...state, running };
}

/** The next event that somebody sends to a pipeline's toy. */
export function asking(type: typeof toyAsked, pipeline: string, n: number, sequence: number): Event {
  const source = `tester/${pipeline}/control`;
  return {
    id: `${source}@${sequence}`,
    source,
    type: type.type,
    sequence,
    previous: sequence === 1 ? null : sequence - 1,
    time: '2024-01-01T00:00:00.000Z',
    pipeline,
    pipelineversion: 1,
    data: { n },
  };
}

/** Work that fails so many times for a reason that may pass. */
export function failing(times: number): Work {
  let left = times;
  return async (n) => {
    left -= 1;
    if (left >= 0) throw new RelearnError('UNAVAILABLE', 'not yet');
    return n;
  };
}
