import { RelearnError, retry, systemKernel } from '@relearn/kernel';
import type { Bus, PartitionReader, Subscription } from '../port.js';
import { textOf, topic, wide } from './fixture.js';

/** Who works on which partition of a group: two at once is the fault that a drain must prevent. */
export class Watch {
  readonly holders = new Map<number, string>();
  readonly overlaps: string[] = [];
  readonly seen: { readonly member: string; readonly partition: number; readonly text: string }[] = [];

  partitionsOf(member: string): number[] {
    return [...this.holders]
      .filter(([, holder]) => holder === member)
      .map(([partition]) => partition)
      .sort((a, b) => a - b);
  }

  take(member: string, partition: number): void {
    const holder = this.holders.get(partition);
    if (holder !== undefined) this.overlaps.push(`${partition}: ${holder} and ${member}`);
    this.holders.set(partition, member);
  }

  texts(): string[] {
    return this.seen.map(({ text }) => text);
  }
}

export interface MemberOptions {
  readonly bus: Bus;
  readonly group: string;
  readonly name: string;
  readonly watch: Watch;
  readonly topics?: readonly string[];
  /** What the member does with a record before it commits. */
  readonly work?: (text: string) => Promise<void>;
}

/** A consumer as the runtime is one: a loop a partition, which a revocation lets end what it began. */
export async function joinGroup(options: MemberOptions): Promise<Subscription> {
  const { bus, group, name, watch, topics = [topic], work = () => Promise.resolve() } = options;
  const { clock, chance } = systemKernel;
  const running = new Map<number, { readonly stop: AbortController; readonly done: Promise<unknown> }>();

  const consume = async (reader: PartitionReader, signal: AbortSignal) => {
    while (!signal.aborted) {
      for (const one of await reader.next({ ...wide, maxRecords: 4 }, signal)) {
        await work(textOf(one));
        watch.seen.push({ member: name, partition: one.partition, text: textOf(one) });
        await retry({ clock, chance, longestDelayMs: 200, signal }, () => reader.commit(one.position + 1));
        if (signal.aborted) break;
      }
    }
  };
  /** The partition may be taken away from a member that the server has not heard of for long: it lets go then. */
  const untilFenced = async (reader: PartitionReader, signal: AbortSignal) => {
    try {
      await consume(reader, signal);
    } catch (thrown) {
      if (RelearnError.from(thrown).code !== 'FENCED') throw thrown;
    }
  };

  return bus.subscribe({
    group,
    topics,
    onAssigned: (partition, readers) => {
      watch.take(name, partition);
      const stop = new AbortController();
      running.set(partition, { stop, done: Promise.all(readers.map((reader) => untilFenced(reader, stop.signal))) });
    },
    onRevoked: async (partition) => {
      running.get(partition)?.stop.abort();
      await running.get(partition)?.done;
      running.delete(partition);
      watch.holders.delete(partition);
    },
  });
}
