import type { Event, LoggedEvent } from '@relearn/contracts';
import type { Breath } from '../invariant.js';
import type { AuditedDecider } from './folded-state.js';

/** An own event of an aggregate and where it is in its topic; infinity while it waits in the outbox. */
export interface OwnLogged {
  readonly event: Event;
  readonly position: number;
}

/** What one handling folded into the state: at most one input, then own events in their order. */
interface Step {
  readonly input: LoggedEvent | null;
  readonly own: readonly Event[];
}

/**
 * Folds an aggregate's inputs and own events in the order of their handling, as far as the log tells it:
 * - inputs of one topic in the order of the log;
 * - own events right after the input that caused them; where jobs report later, and for commands and timers, which have no
 *   cause, before the first input that stands behind them in the log;
 * - the inputs of `control` among those of another topic as late as the state fits what was handled and made.
 */
export async function foldAggregate(
  fold: AuditedDecider,
  inputs: readonly LoggedEvent[],
  own: readonly OwnLogged[],
  breath: Breath,
): Promise<unknown> {
  const { decider } = fold;
  const waitForLog = decider.jobs !== undefined;
  const causes = new Set(waitForLog ? [] : inputs.map((input) => input.id));
  const caused = own.filter(({ event }) => causes.has(event.causationid ?? ''));
  const free = own.filter(({ event }) => !causes.has(event.causationid ?? ''));
  const main = inputs.filter((input) => input.topic !== 'control');
  const control = stepsOf(
    inputs.filter((input) => input.topic === 'control'),
    caused,
    free,
  );
  let state = decider.initial();
  const apply = ({ input, own: made }: Step) => {
    if (input !== null) state = decider.evolve(state, input);
    for (const event of made) state = decider.evolve(state, event);
  };
  let next = 0;
  const advanceTo = (event: Event) => {
    for (let step = control[next]; step !== undefined && decider.fits?.(state, event) === false; step = control[next]) {
      apply(step);
      next += 1;
    }
  };
  for (const step of stepsOf(main, caused, [])) {
    if (step.input !== null) advanceTo(step.input);
    for (const event of step.own) advanceTo(event);
    apply(step);
    await breath();
  }
  for (const step of control.slice(next)) {
    apply(step);
    await breath();
  }
  return state;
}

/** Inputs in the order given, each with what it caused; own events without a cause before the first input behind them. */
function stepsOf(inputs: readonly LoggedEvent[], caused: readonly OwnLogged[], free: readonly OwnLogged[]): Step[] {
  const byCause = new Map<string, OwnLogged[]>();
  for (const one of caused) {
    const cause = one.event.causationid ?? '';
    byCause.set(cause, [...(byCause.get(cause) ?? []), one]);
  }
  const steps: Step[] = [];
  const waiting = [...free].sort((a, b) => a.event.sequence - b.event.sequence);
  const takeFree = (before: (one: OwnLogged) => boolean) => {
    for (let [first] = waiting; first !== undefined && before(first); [first] = waiting) {
      steps.push({ input: null, own: [first.event] });
      waiting.shift();
    }
  };
  for (const input of inputs) {
    const own = byCause.get(input.id) ?? [];
    const sequences = new Map(own.map(({ event }) => [event.source, event.sequence]).reverse() as [string, number][]);
    takeFree(({ event, position }) => position < input.position || event.sequence < (sequences.get(event.source) ?? 0));
    steps.push({ input, own: own.map(({ event }) => event) });
  }
  takeFree(() => true);
  return steps;
}
