import { type Kernel, RelearnError } from '@relearn/kernel';
import type { PartitionBounds, Position } from '../port.js';
import { type Chunk, decodeChunk } from './decode.js';
import { hasMoved, mayHaveMoved, protocolType } from './errors.js';
import { Feed } from './feed.js';
import { greatestBatchBytes, type Topics } from './topics.js';
import type { Trouble } from '../core/trouble.js';
import type { NodeId, Wire } from './wire.js';

/** How long a broker holds a poll that finds nothing. What begins to wait meanwhile is in the next one. */
const pollMs = 500;
/** What a reader that is behind fetches at a time; a broker answers one whole batch at least. */
const fetchBytes = 256 * 1024;
/** Of a poll's partitions a broker answers a batch above the limit only for the first: so any batch is below it. */
const polledPartitionBytes = greatestBatchBytes;
const pollBytes = 4 * greatestBatchBytes;
/** A partition for which nobody has waited so long is not asked for any more. */
const forgottenMs = 10_000;
const pauseMs = 250;
/** Failures in a row that are told as trouble. */
const troublesome = 4;

const attempts = 12;
const earliest = -2;
const latest = -1;

/** What is in the partitions: single fetches, and for those who wait at the end one poll a node for all of them. */
export class Fetcher {
  private readonly wire: Wire;
  private readonly topics: Topics;
  private readonly kernel: Kernel;
  private readonly trouble: Trouble;
  private readonly feeds = new Map<string, Feed>();
  private readonly polls = new Map<NodeId, Promise<void>>();
  private readonly polled = new Set<Feed>();
  private readonly stopping = new AbortController();
  private placing: Promise<void> | undefined;
  private failures = 0;
  /** Counts what came to be wanted: a poll that ends has missed none. */
  private wants = 0;

  constructor(wire: Wire, topics: Topics, kernel: Kernel, trouble: Trouble) {
    this.wire = wire;
    this.topics = topics;
    this.kernel = kernel;
    this.trouble = trouble;
  }

  feed(topic: string, partition: number): Feed {
    const key = `${topic}/${partition}`;
    const known = this.feeds.get(key);
    if (known !== undefined) return known;
    const made = new Feed(topic, partition);
    this.feeds.set(key, made);
    return made;
  }

  /** Records from the position on, or from the first kept one above it; none at the end. */
  async fetch(topic: string, partition: number, from: Position): Promise<Chunk> {
    for (let start = from; ; ) {
      const chunk = await this.fetchOnce(topic, partition, start);
      // An answer without a record of ours, before the end, is passed over.
      if (chunk.entries.length > 0 || chunk.next >= chunk.end || chunk.next === start) return chunk;
      start = chunk.next;
    }
  }

  async bounds(topic: string): Promise<PartitionBounds[]> {
    const { partitions } = await this.topics.get(topic);
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    const [first, end] = [await this.offsets(topic, all, earliest), await this.offsets(topic, all, latest)];
    return all.map((partition) => ({ first: first.get(partition) ?? 0, end: end.get(partition) ?? 0 }));
  }

  async positionAt(topic: string, partition: number, wallMs: number): Promise<Position> {
    const found = (await this.offsets(topic, [partition], Math.max(0, Math.ceil(wallMs)))).get(partition) ?? -1;
    if (found >= 0) return found;
    return (await this.offsets(topic, [partition], latest)).get(partition) ?? 0;
  }

  /** A reader waits at the end of the feed: it is polled from now on. */
  wanted(feed: Feed): void {
    feed.waitedAt = this.kernel.clock.now();
    if (this.polled.has(feed)) return;
    this.wants += 1;
    this.place();
    // The poll that is under way does not ask for it: what is there already is fetched at once.
    if (this.polls.size > 0 && feed.next !== null) void this.catchUp(feed, feed.next);
  }

  /** A reader's rest before it tries again. */
  async rest(error: RelearnError, signal: AbortSignal): Promise<void> {
    await this.failed(error, signal);
    await this.wire.here(signal);
  }

  stop(): void {
    this.stopping.abort();
    for (const feed of this.feeds.values()) feed.wake();
  }

  /** Resolves when nothing asks any more; what is under way ends with its connection. */
  async stopped(): Promise<void> {
    while (this.polls.size > 0 || this.placing !== undefined) await Promise.all([...this.polls.values(), this.placing]);
  }

  private async catchUp(feed: Feed, from: Position): Promise<void> {
    try {
      feed.take(await this.fetch(feed.topic, feed.partition, from));
    } catch {
      // The poll meets the same and tells it.
    }
  }

  /** Starts the polls of nodes that lead what is wanted and have none. */
  private place(): void {
    const { signal } = this.stopping;
    this.placing ??= (async () => {
      await this.wire.here(signal);
      const byLeader = await this.byLeader();
      this.placing = undefined;
      for (const node of byLeader.keys()) {
        if (this.polls.has(node) || signal.aborted) continue;
        this.polls.set(node, this.poll(node));
      }
    })();
  }

  /** The feeds that are to be polled, by the node that leads them. What has no leader now is tried again a little later. */
  private async byLeader(): Promise<Map<NodeId, Feed[]>> {
    const byLeader = new Map<NodeId, Feed[]>();
    const now = this.kernel.clock.now();
    let failure: unknown;
    for (const feed of this.feeds.values()) {
      if (feed.next === null) continue;
      if (!feed.hasWaiting() && now - feed.waitedAt > forgottenMs) feed.forget();
      if (feed.next === null || feed.isFull()) continue;
      try {
        const node = await this.topics.leader(feed.topic, feed.partition);
        const mine = byLeader.get(node);
        if (mine === undefined) byLeader.set(node, [feed]);
        else mine.push(feed);
      } catch (thrown) {
        failure = thrown;
      }
    }
    if (failure !== undefined && !this.stopping.signal.aborted) {
      this.note(failure);
      this.kernel.clock.after(pauseMs, () => this.place());
    }
    return byLeader;
  }

  private async poll(node: NodeId): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.wire.here(signal);
      const { wants } = this;
      const byLeader = await this.byLeader();
      const feeds = byLeader.get(node) ?? [];
      if ([...byLeader.keys()].some((other) => !this.polls.has(other))) this.place();
      if (feeds.length > 0) await this.pollAll(node, feeds);
      else if (wants === this.wants) break;
    }
    this.polls.delete(node);
  }

  private async pollAll(node: NodeId, feeds: readonly Feed[]): Promise<void> {
    for (const feed of feeds) this.polled.add(feed);
    try {
      await this.pollOnce(node, feeds);
      this.succeeded();
    } catch (thrown) {
      if (mayHaveMoved(thrown)) for (const { topic } of feeds) this.topics.forgetLeaders(topic);
      if (protocolType(thrown) === 'OFFSET_OUT_OF_RANGE') await this.backIntoRange(feeds);
      else await this.failed(thrown);
    } finally {
      for (const feed of feeds) this.polled.delete(feed);
    }
  }

  private async pollOnce(node: NodeId, feeds: readonly Feed[]): Promise<void> {
    const byKey = new Map<string, Feed>();
    const topics = new Map<string, { partition: number; fetchOffset: string; maxBytes: number }[]>();
    for (const feed of feeds) {
      const name = this.topics.nameInCluster(feed.topic);
      byKey.set(`${name}/${feed.partition}`, feed);
      const wanted = { partition: feed.partition, fetchOffset: `${feed.next ?? 0}`, maxBytes: polledPartitionBytes };
      topics.set(name, [...(topics.get(name) ?? []), wanted]);
    }
    const starts = new Map(feeds.map((feed) => [feed, feed.next ?? 0]));
    const request = [...topics].map(([topic, partitions]) => ({ topic, partitions }));
    const answer = await this.wire.ask(
      'publish',
      node,
      'poll',
      (broker) => broker.fetch({ maxWaitTime: pollMs, minBytes: 1, maxBytes: pollBytes, topics: request }),
      pollMs,
    );
    for (const { topicName, partitions } of answer.responses) {
      for (const { partition, highWatermark, messages } of partitions) {
        const feed = byKey.get(`${topicName}/${partition}`);
        if (feed === undefined) continue;
        feed.take(decodeChunk(feed.topic, partition, starts.get(feed) ?? 0, highWatermark, messages));
      }
    }
  }

  private async fetchOnce(topic: string, partition: number, from: Position): Promise<Chunk> {
    const name = this.topics.nameInCluster(topic);
    const wanted = { partition, fetchOffset: `${Math.max(0, from)}`, maxBytes: fetchBytes };
    try {
      const request = { maxWaitTime: 0, minBytes: 1, maxBytes: fetchBytes };
      const topics = [{ topic: name, partitions: [wanted] }];
      const answer = await this.wherever(topic, async () =>
        this.wire.ask('control', await this.topics.leader(topic, partition), `fetch ${name}/${partition}`, (broker) =>
          broker.fetch({ ...request, topics }),
        ),
      );
      this.succeeded();
      const [found] = answer.responses[0]?.partitions ?? [];
      return decodeChunk(topic, partition, from, found?.highWatermark ?? '0', found?.messages ?? []);
    } catch (thrown) {
      if (protocolType(thrown) !== 'OFFSET_OUT_OF_RANGE') throw thrown;
      const { first, end } = await this.boundsOf(topic, partition);
      if (from < first) return this.fetchOnce(topic, partition, first);
      return { entries: [], next: end, end };
    }
  }

  /** What a poll asked for has expired, or does not exist yet: asks from where something can come. */
  private async backIntoRange(feeds: readonly Feed[]): Promise<void> {
    try {
      for (const feed of feeds) {
        const { first, end } = await this.boundsOf(feed.topic, feed.partition);
        if (feed.next !== null && feed.next < first) feed.skipTo(first);
        else if (feed.next !== null && feed.next > end) feed.skipTo(end);
      }
    } catch (thrown) {
      await this.failed(thrown);
    }
  }

  private async boundsOf(topic: string, partition: number): Promise<PartitionBounds> {
    const first = (await this.offsets(topic, [partition], earliest)).get(partition) ?? 0;
    const end = (await this.offsets(topic, [partition], latest)).get(partition) ?? 0;
    return { first, end };
  }

  /** The offset of each partition that belongs to a time; -1 where no record is as young. */
  private offsets(topic: string, partitions: readonly number[], timestamp: number): Promise<Map<number, Position>> {
    return this.wherever(topic, () => this.askOffsets(topic, partitions, timestamp));
  }

  private async askOffsets(
    topic: string,
    partitions: readonly number[],
    timestamp: number,
  ): Promise<Map<number, Position>> {
    const name = this.topics.nameInCluster(topic);
    const byLeader = new Map<NodeId, number[]>();
    for (const partition of partitions) {
      const node = await this.topics.leader(topic, partition);
      byLeader.set(node, [...(byLeader.get(node) ?? []), partition]);
    }
    const found = new Map<number, Position>();
    for (const [node, mine] of byLeader) {
      const wanted = mine.map((partition) => ({ partition, timestamp }));
      const answer = await this.wire.ask('control', node, `list offsets of ${name}`, (broker) =>
        broker.listOffsets({ topics: [{ topic: name, partitions: wanted }] }),
      );
      for (const { partition, offset } of answer.responses[0]?.partitions ?? []) found.set(partition, Number(offset));
    }
    return found;
  }

  /** Asks again, with the leaders found out anew, while they are only elsewhere than they were. */
  private async wherever<T>(topic: string, work: () => Promise<T>): Promise<T> {
    const { clock, chance } = this.kernel;
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (thrown) {
        if (mayHaveMoved(thrown)) this.topics.forgetLeaders(topic);
        if (!hasMoved(thrown) || attempt >= attempts) throw thrown;
        await clock.sleep(Math.min(200, 5 * 2 ** attempt) * (0.5 + chance.next() / 2));
      }
    }
  }

  private async failed(thrown: unknown, signal = this.stopping.signal): Promise<void> {
    if (this.stopping.signal.aborted) return;
    this.note(thrown);
    await this.kernel.clock.sleep(pauseMs * (0.5 + this.kernel.chance.next()), signal);
  }

  private succeeded(): void {
    this.failures = 0;
    this.trouble.clear('fetch');
  }

  private note(thrown: unknown): void {
    this.failures += 1;
    if (this.failures >= troublesome) this.trouble.report('fetch', RelearnError.from(thrown));
  }
}
