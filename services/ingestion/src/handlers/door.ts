import { labelStream, rowStream } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { type AppliedPipeline, businessNow, type Ports } from '@relearn/runtime';
import {
  type Accepted,
  type Circumstances,
  checkRecord,
  type DoorRules,
  doorRules,
  type GivenRecord,
  type Rejection,
} from '../domain/door.js';
import { checkLabel } from '../domain/label-door.js';
import { dataStreams } from '../domain/raw-record.js';
import { latestTime } from './latest-time.js';
import { latestOf, rawWriterOf } from './publish-recorded.js';

export interface PublishRequest {
  readonly pipeline: string;
  /** `rows` when absent; `labels` takes label records. */
  readonly stream?: string | undefined;
  readonly records: readonly GivenRecord[];
  readonly idempotencyKey?: string | undefined;
  readonly actor?: string | undefined;
}

export interface LabelsRequest {
  readonly pipeline: string;
  /** `{event_id, value, known_at?}`, with the `shard_by` column where one is declared. */
  readonly records: readonly unknown[];
  readonly idempotencyKey?: string | undefined;
  readonly actor?: string | undefined;
}

export interface PublishAnswer {
  readonly accepted: number;
  /** Ids of the accepted records, in their order. */
  readonly ids: string[];
  readonly rejected: Rejection[];
}

/**
 * Where producers' records come in. An answer means that the bus has the accepted ones durably. Event times and known-at
 * times of live data may lie a day ahead of the clock at most: INVALID_TIME.
 */
export interface Door {
  /**
   * Throws NOT_FOUND for an unknown pipeline or stream, `NothingAccepted` (INVALID_EVENT, or TOO_LARGE where that is all
   * that is wrong), RESOURCE_EXHAUSTED with a delay when too much is under way, UNAVAILABLE when the bus is away.
   */
  publish(request: PublishRequest): Promise<PublishAnswer>;
  /** The same for labels. */
  labels(request: LabelsRequest): Promise<PublishAnswer>;
}

/** No record of a request has an acceptable form. */
export class NothingAccepted extends RelearnError {
  readonly rejected: readonly Rejection[];

  constructor(rejected: readonly Rejection[]) {
    const [first] = rejected;
    const tooLarge = first !== undefined && rejected.every(({ code }) => code === 'TOO_LARGE');
    const where = first === undefined || first.column === '' ? '' : `${first.column}: `;
    super(
      tooLarge ? 'TOO_LARGE' : 'INVALID_EVENT',
      first === undefined
        ? 'the request holds no record'
        : `none of ${rejected.length} record(s) was accepted; record ${first.index}: ${where}${first.message}`,
    );
    this.rejected = rejected;
  }
}

const retryAfterMs = 1000;
/** Records checked before other work gets a turn. */
const recordsPerPiece = 500;

export interface DoorOptions {
  /** JSON bytes of requests that wait for the bus at once, at most. Default 64 MiB. */
  readonly maxBytesUnderWay?: number;
}

/** The door of this process. */
export function createDoor(ports: Ports, { maxBytesUnderWay = 64 * 1024 * 1024 }: DoorOptions = {}): Door {
  return new BoundedDoor(ports, maxBytesUnderWay);
}

type Check = (index: number, circumstances: Circumstances) => Accepted | Rejection;

class BoundedDoor implements Door {
  private readonly ports: Ports;
  private readonly maxBytesUnderWay: number;
  private readonly compiled = new WeakMap<AppliedPipeline, Map<string, DoorRules>>();
  private underWay = 0;

  constructor(ports: Ports, maxBytesUnderWay: number) {
    this.ports = ports;
    this.maxBytesUnderWay = maxBytesUnderWay;
  }

  async publish(request: PublishRequest): Promise<PublishAnswer> {
    const { pipeline, stream = rowStream, records } = request;
    if (stream === labelStream) return await this.labels({ ...request, records: records.map(({ values }) => values) });
    const applied = latestOf(this.ports, pipeline);
    const rules = this.rulesOf(applied, stream);
    return await this.admit(applied, request, (index, at) =>
      checkRecord(rules, records[index] ?? { values: null }, at),
    );
  }

  async labels(request: LabelsRequest): Promise<PublishAnswer> {
    const applied = latestOf(this.ports, request.pipeline);
    return await this.admit(applied, request, (index, at) => checkLabel(applied.spec, request.records[index], at));
  }

  private rulesOf(applied: AppliedPipeline, stream: string): DoorRules {
    const known = this.compiled.get(applied) ?? new Map<string, DoorRules>();
    this.compiled.set(applied, known);
    const rules = known.get(stream) ?? doorRules(applied.spec, stream);
    if (rules === undefined) {
      const streams = [...dataStreams(applied.spec), labelStream].join(', ');
      throw new RelearnError('NOT_FOUND', `pipeline '${applied.spec.name}' has no stream '${stream}'`, {
        remedy: `Its streams: ${streams}.`,
      });
    }
    known.set(stream, rules);
    return rules;
  }

  private async admit(
    applied: AppliedPipeline,
    request: PublishRequest | LabelsRequest,
    check: Check,
  ): Promise<PublishAnswer> {
    const { pipeline, actor } = request;
    const latest = await latestTime(this.ports, pipeline);
    const now = await businessNow(this.ports, pipeline);
    const { accepted, rejected } = await this.checkAll(request, { now, latest }, check);
    if (rejected.length > 0) {
      const { records } = this.ports.telemetry.metrics;
      records.add({ service: 'ingestion', pipeline, result: 'rejected' }, rejected.length);
    }
    if (accepted.length === 0) throw new NothingAccepted(rejected);
    const bytes = accepted.reduce((sum, record) => sum + record.bytes, 0);
    if (this.underWay > 0 && this.underWay + bytes > this.maxBytesUnderWay) {
      throw new RelearnError('RESOURCE_EXHAUSTED', `${this.underWay} bytes are under way to the bus`, { retryAfterMs });
    }
    this.underWay += bytes;
    try {
      const records = accepted.flatMap((record) => record.records);
      await rawWriterOf(this.ports).write({ pipeline, applied, records, time: now, actor });
    } finally {
      this.underWay -= bytes;
    }
    return { accepted: accepted.length, ids: accepted.map(({ id }) => id), rejected };
  }

  private async checkAll(
    { records, idempotencyKey }: PublishRequest | LabelsRequest,
    times: Pick<Circumstances, 'now' | 'latest'>,
    check: Check,
  ) {
    const { clock, chance } = this.ports.kernel;
    const accepted: Accepted[] = [];
    const rejected: Rejection[] = [];
    for (let index = 0; index < records.length; index++) {
      const result = check(index, { index, idempotencyKey, ...times, newId: () => chance.id() });
      if ('code' in result) rejected.push(result);
      else accepted.push(result);
      if (index % recordsPerPiece === recordsPerPiece - 1) await clock.breathe();
    }
    return { accepted, rejected };
  }
}
