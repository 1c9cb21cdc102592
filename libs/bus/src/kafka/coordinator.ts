import { type Clock, type Kernel, type MachineMs, RelearnError } from '@relearn/kernel';
import kafkajs from 'kafkajs';
import type Broker from 'kafkajs/src/broker/index.js';
import type { Position } from '../port.js';
import { assign, type MemberClaim } from './assignment.js';
import { mayHaveMoved, protocolType } from './errors.js';
import type { KafkaGroupSettings } from './options.js';
import type { Topics } from './topics.js';
import type { NodeId, Wire } from './wire.js';

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;

/** A member's place in its group, valid until the group changes. */
export interface Membership {
  readonly memberId: string;
  readonly generation: number;
  readonly partitions: readonly number[];
}

export interface PartitionPosition {
  readonly topic: string;
  readonly partition: number;
  readonly position: Position;
}

interface Claims {
  readonly owned: readonly number[];
  readonly leaving: boolean;
}

const groupCoordinator = 0;
const syncMs = 5_000;

/** What a group's coordinator is asked, in the classic protocol of Kafka's groups. */
export class Coordinator {
  readonly group: string;
  private readonly wire: Wire;
  private readonly topics: Topics;
  private readonly settings: KafkaGroupSettings;
  private readonly names: readonly string[];
  private readonly partitions: number;
  private readonly lane: string;
  private readonly clock: Clock;
  private node: NodeId | undefined;

  constructor(
    group: string,
    topics: readonly string[],
    partitions: number,
    parts: {
      readonly wire: Wire;
      readonly topics: Topics;
      readonly settings: KafkaGroupSettings;
      readonly kernel: Kernel;
    },
  ) {
    this.group = parts.topics.nameInCluster(group);
    this.wire = parts.wire;
    this.topics = parts.topics;
    this.settings = parts.settings;
    this.names = topics.map((topic) => parts.topics.nameInCluster(topic));
    this.partitions = partitions;
    this.clock = parts.kernel.clock;
    // A join waits for all members: each membership has a connection of its own.
    this.lane = `group ${this.group} ${parts.kernel.chance.id()}`;
  }

  /**
   * Resolves when all members have joined again. `heard` is told when each request was sent that the coordinator has
   * answered. REFUSED when the others read other topics.
   */
  async join(memberId: string, claims: Claims, heard: (sentAt: MachineMs) => void): Promise<Membership> {
    const { sessionMs, rebalanceMs } = this.settings;
    const joinedAt = this.clock.now();
    const userData = Buffer.from(JSON.stringify(claims));
    const metadata = MemberMetadata.encode({ version: 1, topics: [...this.names], userData });
    const joined = await this.ask(
      'join',
      (broker) =>
        broker.joinGroup({
          groupId: this.group,
          sessionTimeout: sessionMs,
          rebalanceTimeout: rebalanceMs,
          memberId,
          groupProtocols: [{ name: this.protocol(), metadata }],
        }),
      sessionMs + rebalanceMs,
    ).catch((thrown: unknown) => {
      throw protocolType(thrown) === 'INCONSISTENT_GROUP_PROTOCOL' ? this.otherTopics(thrown) : thrown;
    });
    heard(joinedAt);
    const leads = joined.leaderId === joined.memberId;
    const syncedAt = this.clock.now();
    const synced = await this.ask(
      'sync',
      (broker) =>
        broker.syncGroup({
          groupId: this.group,
          generationId: joined.generationId,
          memberId: joined.memberId,
          groupAssignment: leads ? this.share(joined.members) : [],
        }),
      syncMs,
    );
    heard(syncedAt);
    const assignment = MemberAssignment.decode(synced.memberAssignment)?.assignment ?? {};
    const partitions = assignment[this.names[0] ?? ''] ?? [];
    return { memberId: joined.memberId, generation: joined.generationId, partitions };
  }

  async beat(membership: Membership, lane = this.lane): Promise<void> {
    const { memberId, generation } = membership;
    const request = { groupId: this.group, groupGenerationId: generation, memberId };
    await this.ask('heartbeat', (broker) => broker.heartbeat(request), 0, lane);
  }

  /** While a join is under way, which keeps what is sent after it on its connection waiting. */
  beatBeside(membership: Membership): Promise<void> {
    return this.beat(membership, 'control');
  }

  async leave(memberId: string): Promise<void> {
    await this.ask('leave', (broker) => broker.leaveGroup({ groupId: this.group, memberId }));
  }

  async hangUp(): Promise<void> {
    await this.wire.hangUp(this.lane);
  }

  async commit({ memberId, generation }: Membership, positions: readonly PartitionPosition[]): Promise<void> {
    const topics = this.byTopic(positions, ({ partition, position }) => ({ partition, offset: `${position}` }));
    const request = { groupId: this.group, groupGenerationId: generation, memberId, topics };
    await this.ask('commit', (broker) => broker.offsetCommit(request), 0, 'control');
  }

  /** The committed positions of the partition in the group's topics, in their order; 0 where nothing was committed. */
  async committed(partition: number): Promise<Position[]> {
    const topics = this.names.map((topic) => ({ topic, partitions: [{ partition }] }));
    const answer = await this.ask(
      'ask for positions',
      (broker) => broker.offsetFetch({ groupId: this.group, topics }),
      0,
      'control',
    );
    const found = new Map(
      answer.responses.map(({ topic, partitions }) => [topic, Number(partitions[0]?.offset ?? -1)]),
    );
    return this.names.map((name) => Math.max(0, found.get(name) ?? 0));
  }

  /** Members of a group have a protocol in common, or Kafka refuses them: so the topics are a part of its name. */
  private protocol(): string {
    return `relearn-1 ${this.names.join(',')}`;
  }

  private share(members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[]) {
    const claims = members.map(({ memberId, memberMetadata }) => claimOf(memberId, memberMetadata));
    return [...assign(claims, this.partitions)].map(([memberId, partitions]) => ({
      memberId,
      memberAssignment: MemberAssignment.encode({
        version: 1,
        assignment: Object.fromEntries(this.names.map((name) => [name, partitions])),
        userData: Buffer.alloc(0),
      }),
    }));
  }

  private byTopic<P>(positions: readonly PartitionPosition[], make: (one: PartitionPosition) => P) {
    const topics = new Map<string, P[]>();
    for (const one of positions) {
      const name = this.topics.nameInCluster(one.topic);
      topics.set(name, [...(topics.get(name) ?? []), make(one)]);
    }
    return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
  }

  private async ask<T>(what: string, work: (broker: Broker) => Promise<T>, waitMs = 0, lane = this.lane): Promise<T> {
    try {
      return await this.wire.ask(lane, await this.find(), `group ${this.group}: ${what}`, work, waitMs);
    } catch (thrown) {
      if (mayHaveMoved(thrown)) this.node = undefined;
      throw thrown;
    }
  }

  private async find(): Promise<NodeId> {
    if (this.node !== undefined) return this.node;
    const request = { groupId: this.group, coordinatorType: groupCoordinator };
    const { coordinator } = await this.wire.askAny(`find the coordinator of ${this.group}`, (broker) =>
      broker.findGroupCoordinator(request),
    );
    this.wire.learn(coordinator.nodeId, coordinator);
    this.node = coordinator.nodeId;
    return coordinator.nodeId;
  }

  private otherTopics(cause: unknown): RelearnError {
    return new RelearnError(
      'REFUSED',
      `group ${this.group} reads other topics than ${this.names.join(', ')}: its members cannot share their partitions`,
      { cause, remedy: 'Give it a group of its own, or stop the members that read other topics.' },
    );
  }
}

function claimOf(memberId: string, metadata: Buffer): MemberClaim {
  const decoded = MemberMetadata.decode(metadata);
  const { owned, leaving } = JSON.parse(decoded?.userData.toString('utf8') ?? '{}') as Partial<Claims>;
  return { memberId, owned: owned ?? [], leaving: leaving ?? false };
}
