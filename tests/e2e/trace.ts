import type { Bus } from '@relearn/bus';
import { type LoggedEvent, topicNames } from '@relearn/contracts';
import { eventsOf } from './log.js';

/** One control event of a turn and what caused it. */
interface Step {
  readonly event: LoggedEvent;
  readonly cause: string | null;
  /** `cause type (service) → event type (service)`, told without names and numbers that differ between runs. */
  readonly text: string;
}

/**
 * The control events of one turn in causal order: an event after its cause, the events of one cause by service and each
 * service's in its own order. Reads the log alone, through the sequence rule: the same turn gives the same trace whatever
 * it runs on. Throws for an unknown turn.
 */
export async function turnTrace(bus: Bus, pipeline: string, turn: string): Promise<string[]> {
  const control = (await eventsOf(bus, 'control')).filter((event) => event.pipeline === pipeline);
  const started = control.find((event) => isOf(event, 'turn.started') && event.correlationid === turn);
  const request = control.find((event) => event.id === started?.causationid);
  if (request === undefined) throw new Error(`no turn '${turn}' of '${pipeline}' is in the log`);
  const events = [request, ...control.filter((event) => event.correlationid === turn)];
  const causes = await causesOf(bus, events);
  const steps = events.map((event): Step => {
    const cause = event.causationid === undefined ? null : (causes.get(event.causationid) ?? null);
    const from = cause === null ? 'nothing known' : named(cause);
    return { event, cause: event.causationid ?? null, text: `${from} → ${named(event)}` };
  });
  return causalOrder(steps);
}

/** The turns of a pipeline in their order, with the reason of each. */
export async function turnsOf(bus: Bus, pipeline: string): Promise<{ turn: string; reason: string }[]> {
  const control = (await eventsOf(bus, 'control')).filter((event) => event.pipeline === pipeline);
  return control
    .filter((event) => isOf(event, 'turn.started'))
    .map((event) => event.data as { turn: string; reason: string })
    .map(({ turn, reason }) => ({ turn, reason }));
}

async function causesOf(bus: Bus, events: readonly LoggedEvent[]): Promise<Map<string, LoggedEvent>> {
  const wanted = new Set(events.map((event) => event.causationid));
  const found = new Map<string, LoggedEvent>();
  for (const topic of topicNames) {
    for (const event of await eventsOf(bus, topic)) if (wanted.has(event.id)) found.set(event.id, event);
  }
  return found;
}

/** Roots first, then what they caused, depth by depth. */
function causalOrder(steps: readonly Step[]): string[] {
  const ids = new Set(steps.map((step) => step.event.id));
  let level = steps.filter((step) => step.cause === null || !ids.has(step.cause));
  const ordered: string[] = [];
  while (level.length > 0) {
    ordered.push(...level.sort(bySource).map((step) => step.text));
    const above = new Set(level.map((step) => step.event.id));
    level = steps.filter((step) => step.cause !== null && above.has(step.cause));
  }
  return ordered;
}

/** A source numbers its own events; among sources the name decides. */
function bySource({ event: a }: Step, { event: b }: Step): number {
  if (a.source !== b.source) return a.source < b.source ? -1 : 1;
  return a.sequence - b.sequence;
}

function named(event: LoggedEvent): string {
  const service = event.source.split('/')[0] ?? '';
  return `${shortType(event.type)} (${service})`;
}

function isOf(event: LoggedEvent, type: string): boolean {
  return shortType(event.type) === type;
}

/** `relearn.model.promoted.v1` is `model.promoted`. */
function shortType(type: string): string {
  return type.replace(/^relearn\./, '').replace(/\.v\d+$/, '');
}
