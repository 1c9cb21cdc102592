import { RelearnError } from '@relearn/kernel';
import type { Position, SubscribeOptions, Subscription } from '../port.js';
import { balance } from './balance.js';
import type { CommittedPosition, LogStorage, Shard } from './log.js';
import type { PartitionLog } from './partition-log.js';
import { LogReader } from './reader.js';

interface Member {
  readonly options: SubscribeOptions;
  /** What its callbacks threw: told by `close`. */
  readonly failures: unknown[];
}

/** Who has a partition number; until the drain has ended that is the member which gives it back. */
interface Holding {
  readonly owner: Member;
  readonly readers: readonly LogReader[];
  drained: Promise<void> | null;
}

/** The members of one group in this process: each partition number belongs to one of them at a time. */
export class Group {
  private readonly name: string;
  private readonly storage: LogStorage;
  private readonly isClosed: () => boolean;
  private readonly committed = new Map<Shard, Position>();
  private members: readonly Member[] = [];
  /** For each partition number the partitions of the members' topics, in their order. */
  private logs: readonly (readonly PartitionLog[])[] = [];
  private holdings: (Holding | null)[] = [];

  constructor(name: string, storage: LogStorage, committed: readonly CommittedPosition[], isClosed: () => boolean) {
    this.name = name;
    this.storage = storage;
    this.isClosed = isClosed;
    for (const { shard, position } of committed) this.committed.set(shard, position);
  }

  join(options: SubscribeOptions, logs: readonly (readonly PartitionLog[])[]): Subscription {
    this.refuseOtherTopics(options);
    const member: Member = { options, failures: [] };
    this.logs = logs;
    this.holdings = logs.map((_, partition) => this.holdings[partition] ?? null);
    this.members = [...this.members, member];
    this.share();
    let closing: Promise<void> | undefined;
    return {
      close: () => {
        closing ??= this.leave(member);
        return closing;
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map((member) => this.leave(member)));
  }

  private refuseOtherTopics({ topics }: SubscribeOptions): void {
    const other = this.members[0] ?? this.holdings.find((holding) => holding !== null)?.owner;
    if (other === undefined || other.options.topics.join() === topics.join()) return;
    const theirs = other.options.topics.join(', ');
    throw new RelearnError(
      'REFUSED',
      `group ${this.name} reads ${theirs}; a member that reads ${topics.join(', ')} cannot share its partitions`,
      { remedy: 'Give it a group of its own.' },
    );
  }

  private async leave(member: Member): Promise<void> {
    this.members = this.members.filter((other) => other !== member);
    this.share();
    await Promise.all(this.holdings.flatMap((holding) => (holding?.owner === member ? (holding.drained ?? []) : [])));
    const [failure] = member.failures;
    if (failure !== undefined) throw RelearnError.from(failure);
  }

  /** Starts the drain of what has to move and hands out what is free. Runs again after each drain. */
  private share(): void {
    const owners = this.holdings.map((holding) => (holding === null || holding.drained ? null : holding.owner));
    for (const [partition, heir] of balance(owners, this.members).entries()) {
      const holding = this.holdings[partition] ?? null;
      if (holding === null) {
        // A callback may have made a member leave meanwhile.
        if (heir !== null && this.members.includes(heir)) this.assign(heir, partition);
      } else if (holding.drained === null && holding.owner !== heir) {
        holding.drained = this.drain(holding, partition);
      }
    }
  }

  private assign(owner: Member, partition: number): void {
    const readers = (this.logs[partition] ?? []).map((log) => this.reader(log));
    this.holdings[partition] = { owner, readers, drained: null };
    try {
      owner.options.onAssigned(partition, readers);
    } catch (thrown) {
      owner.failures.push(thrown);
    }
  }

  private reader(log: PartitionLog): LogReader {
    return new LogReader(log, this.committed.get(log.shard) ?? 0, this.isClosed, async (position) => {
      await this.storage.commit({ group: this.name, shard: log.shard, position });
      this.committed.set(log.shard, position);
    });
  }

  private async drain({ owner, readers }: Holding, partition: number): Promise<void> {
    try {
      await owner.options.onRevoked(partition);
    } catch (thrown) {
      owner.failures.push(thrown);
    }
    for (const reader of readers) reader.revoke();
    this.holdings[partition] = null;
    this.share();
  }
}
