import { deadLettered, type LoggedEvent, type Topic, topicNames } from '@relearn/contracts';
import type { Decider } from '../decider/definition.js';
import { isSavedShard } from '../fold/saved-checkpoints.js';
import type { Ports } from '../ports.js';
import { breathing, eventsOnce } from './log.js';

/** What the log holds of one aggregate: its inputs, and its own events. */
export interface AggregateEvents {
  readonly inputs: LoggedEvent[];
  readonly own: LoggedEvent[];
}

/** What the small topics say of all states. */
export interface ControlLog {
  /** By service and aggregate. */
  readonly aggregates: ReadonlyMap<string, ReadonlyMap<string, AggregateEvents>>;
  /** Saved checkpoints of shards by their source, the oldest first. */
  readonly saved: ReadonlyMap<string, readonly LoggedEvent[]>;
  /** `CONSUMER/TOPIC/PARTITION@POSITION` of records that were put aside. */
  readonly aside: ReadonlySet<string>;
  /** Whether the topic's partitions are kept from their first record on. */
  readonly whole: (topic: Topic) => boolean;
}

export function placeOf(consumer: string, topic: string, partition: number, position: number): string {
  return `${consumer}/${topic}/${partition}@${position}`;
}

/** The aggregate of the service that made the event; null when another service did, or a fold of this one. */
export function makerOf({ source, topic }: LoggedEvent, service: string): string | null {
  const [head, tail] = [`${service}/`, `/${topic}`];
  return source.startsWith(head) && source.endsWith(tail) ? source.slice(head.length, -tail.length) : null;
}

/** Reads `control`, the other topics of deciders, and the dead letters. */
export async function readControlLog(
  { bus, kernel }: Pick<Ports, 'bus' | 'kernel'>,
  deciders: readonly Decider<unknown>[],
): Promise<ControlLog> {
  const breath = breathing(kernel.clock);
  const bounds = new Map(await Promise.all(topicNames.map(async (topic) => [topic, await bus.bounds(topic)] as const)));
  const aggregates = new Map(deciders.map(({ service }) => [service, new Map<string, AggregateEvents>()]));
  const saved = new Map<string, LoggedEvent[]>();
  const aside = new Set<string>();
  const of = (service: string, id: string): AggregateEvents => {
    const mine = aggregates.get(service);
    const found = mine?.get(id) ?? { inputs: [], own: [] };
    mine?.set(id, found);
    return found;
  };
  const take = (event: LoggedEvent) => {
    if (isSavedShard(event)) saved.set(event.source, [...(saved.get(event.source) ?? []), event]);
    if (deadLettered.is(event)) {
      const [consumer = '', topic = ''] = event.source.split('/');
      aside.add(placeOf(consumer, topic, event.partition, event.sequence));
    }
    for (const decider of deciders) {
      const id = decider.topics.includes(event.topic) ? decider.route(event) : null;
      if (id !== null) of(decider.service, id).inputs.push(event);
      const maker = makerOf(event, decider.service);
      if (maker !== null) of(decider.service, maker).own.push(event);
    }
  };
  const topics = new Set<Topic>(['control', 'dead-letters', ...deciders.flatMap((decider) => decider.topics)]);
  for (const topic of topics) {
    for (const [partition, range] of (bounds.get(topic) ?? []).entries()) {
      for await (const event of eventsOnce(bus, topic, partition, range)) {
        take(event);
        await breath();
      }
    }
  }
  const whole = (topic: Topic) => (bounds.get(topic) ?? []).every(({ first }) => first === 0);
  return { aggregates, saved, aside, whole };
}
