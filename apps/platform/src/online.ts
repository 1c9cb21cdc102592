import { type OnlineReader, featuresService } from '@relearn/feature';
import { type Clock, formatTimestamp } from '@relearn/kernel';
import { cellsOf, scalarsOf } from '@relearn/rpc';
import type { ReadOnline } from '@relearn/serving';
import type { Peers } from './peers.js';

const answerWithinMs = 5_000;

/** Online features for predictions: read in this process where they are computed here, asked for by gRPC where not. */
export class OnlineDoor {
  /** The reader of this process, once its feature service has been made. */
  here: OnlineReader | undefined;
  private readonly peers: Peers;
  private readonly clock: Clock;

  constructor(peers: Peers, clock: Clock) {
    this.peers = peers;
    this.clock = clock;
  }

  readonly read: ReadOnline = async (pipeline, entity, { deadline }) => {
    if (this.here !== undefined) {
      const { status, id, time, asOf, features } = this.here(pipeline, entity);
      const freshness = { eventId: id ?? '', time: textOf(time), asOf: textOf(asOf) };
      return { features, freshness: status === 'PRESENT' ? freshness : null };
    }
    const client = this.peers.client('feature', featuresService);
    const latest = Math.min(deadline, this.clock.now() + answerWithinMs);
    const answer = await client.getOnline({ pipeline, keys: scalarsOf(entity) }, { deadline: latest });
    const { status, eventId, time, asOf } = answer;
    return { features: cellsOf(answer.features), freshness: status === 'PRESENT' ? { eventId, time, asOf } : null };
  };
}

function textOf(time: number | null): string {
  return time === null ? '' : formatTimestamp(time);
}
