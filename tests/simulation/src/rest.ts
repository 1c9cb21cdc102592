import { aggregateCollection, decodeAggregate, readCheckpoint } from '@relearn/runtime';
import { pipelineName } from './scenario.js';
import type { Supervisor } from './supervisor.js';
import type { Durable, Running } from './system.js';

/** Who still has something to do; empty when nobody has. */
export async function restless(supervisor: Supervisor, durable: Durable): Promise<string> {
  if (!supervisor.allUp) return 'a process is not up';
  const running = supervisor.all();
  for (const { process, ports } of running) {
    const behind = await ports.activity.behind(durable.bus);
    const jobs = ports.activity.jobs();
    if (behind > 0 || jobs > 0) return `${process.name} has ${behind} records and ${jobs} jobs to do`;
  }
  return otherModels(supervisor) || (await unread(durable)) || (await leftOver(durable, running[0]));
}

/** A process that serves and does not answer with the champion that the log names. */
function otherModels(supervisor: Supervisor): string {
  for (const { process, ports, host } of supervisor.of('serving')) {
    const champion = ports.catalog.inForce(pipelineName)?.champion.model;
    const answers = host.defaultOf(pipelineName);
    if (champion !== answers) return `${process.name} answers with model ${answers}, the champion is ${champion}`;
  }
  return '';
}

/** What each fold reads. */
const foldTopics = {
  validation: ['data.raw'],
  feature: ['data.valid'],
  serving: ['features'],
  monitoring: ['data.valid', 'predictions'],
} as const;

/** Folds whose checkpoints do not stand at the end, whoever has their shards. */
async function unread({ bus, store, partitions }: Durable): Promise<string> {
  for (const [service, topics] of Object.entries(foldTopics)) {
    for (let partition = 0; partition < partitions; partition++) {
      const checkpoint = await readCheckpoint(store, service, partition);
      for (const topic of topics) {
        const end = (await bus.bounds(topic))[partition]?.end ?? 0;
        const done = checkpoint?.positions[topic] ?? 0;
        if (done < end) return `${service}'s checkpoint stands at ${topic}/${partition}@${done}, its end is ${end}`;
      }
    }
  }
  return '';
}

/** What aggregates have decided and not published, or ordered and not got. */
async function leftOver({ store }: Durable, any: Running | undefined): Promise<string> {
  for (const { decider } of any?.folds ?? []) {
    const { service } = decider;
    for (const { id, body } of await store.list(aggregateCollection(service), { limit: 1000 })) {
      const { outbox, state } = decodeAggregate(body);
      const { jobs = [] } = decider.due?.(decider.decode(state)) ?? {};
      if (outbox.length > 0) return `${service} ${id} has ${outbox.length} events that it has not published`;
      if (jobs.length > 0) return `${service} ${id} has ${jobs.length} jobs that nobody does`;
    }
  }
  return '';
}
