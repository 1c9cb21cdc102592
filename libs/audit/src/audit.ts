import type { Blobs } from '@relearn/blobs';
import type { Bus } from '@relearn/bus';
import { eventTypes, rowAddress, type Topic } from '@relearn/contracts';
import { type Clock, RelearnError } from '@relearn/kernel';
import { aggregateCollection, decodeAggregate, readCheckpoint } from '@relearn/runtime';
import type { Store } from '@relearn/store';
import type { Breath, Invariant, Violation } from './invariant.js';
import { aliasMovesFormOneChain } from './invariants/alias-chain.js';
import { countsAreConserved, type ShardCheckpoint } from './invariants/conservation.js';
import { sameInputsSameOutputs } from './invariants/determinism.js';
import { digestsCanBeFetched } from './invariants/digests.js';
import { movesHaveEvidence } from './invariants/evidence.js';
import { type AuditedDecider, statesFoldFromTheLog, type StoredAggregate } from './invariants/folded-state.js';
import { predictionsComeFromLiveModels } from './invariants/live-models.js';
import { noGaps } from './invariants/no-gaps.js';
import { quarantinedRowsStayOut } from './invariants/quarantine.js';
import { requestsEndOnce } from './invariants/requests-end-once.js';
import { requestsKeepThePolicy } from './invariants/retrain-policy.js';
import { rolloutsKeepTheirPolicy } from './invariants/rollouts.js';
import { noStageAfterFailure } from './invariants/stages.js';
import { type LogRange, readLog } from './read-log.js';

export interface AuditOptions {
  readonly bus: Bus;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly partitions: number;
  readonly clock: Clock;
  /** Nothing is under way any more: what waits for its end is a breach too. */
  readonly quiescent?: boolean;
  /** Deciders whose aggregates are folded again; none: their states are not compared. */
  readonly folds?: readonly AuditedDecider[];
  readonly signal?: AbortSignal;
}

export interface AuditReport {
  /** Events read, second copies not counted. */
  readonly events: number;
  readonly violations: Violation[];
}

/** Topics in the order in which they are read: what others are judged by comes first. */
const readingOrder: readonly Topic[] = [
  'control',
  'data.quarantine',
  'data.valid',
  'predictions',
  'monitoring',
  'features',
  'data.raw',
];
/** Ends are taken in this order, so that whatever is within them has its causes within those that follow. */
const boundsOrder: readonly Topic[] = [
  'predictions',
  'features',
  'control',
  'monitoring',
  'data.valid',
  'data.quarantine',
  'data.raw',
];
/** Breaches of one invariant that are told one by one. */
const toldEach = 100;
const sliceMs = 1;

/**
 * Folds the log and checks every invariant, `control` fully, data topics as far as they are kept. Runs beside live services:
 * what came in after its start is not looked at. Throws CANCELLED, and what the ports throw.
 */
export async function auditLog(options: AuditOptions): Promise<AuditReport> {
  const { bus } = options;
  const breath = breathing(options.clock, options.signal);
  const documents = await readDocuments(options);
  const bounds = new Map<Topic, LogRange['bounds'][]>();
  for (const topic of boundsOrder) bounds.set(topic, await bus.bounds(topic));
  const whole = (topic: string, partition: number) => bounds.get(topic as Topic)?.[partition]?.first === 0;
  const readRange = (partition: number) => {
    const { first = 0, end = 0 } = bounds.get('data.valid')?.[partition] ?? {};
    return { from: rowAddress(first, 0), below: rowAddress(end, 0) };
  };
  const quiescent = options.quiescent ?? false;
  const invariants: readonly Invariant[] = [
    requestsEndOnce(quiescent),
    movesHaveEvidence(),
    aliasMovesFormOneChain(),
    noStageAfterFailure(),
    sameInputsSameOutputs(),
    requestsKeepThePolicy(),
    predictionsComeFromLiveModels(),
    rolloutsKeepTheirPolicy(),
    noGaps(),
    countsAreConserved({ checkpoints: documents.checkpoints, whole }),
    quarantinedRowsStayOut(options.blobs, readRange),
    digestsCanBeFetched(options.blobs),
    statesFoldFromTheLog({ folds: options.folds ?? [], stored: documents.stored, quiescent, whole }),
  ];
  const told = new Told();
  let events = 0;
  for (const topic of readingOrder) {
    const ranges = (bounds.get(topic) ?? []).map((range, partition) => ({ topic, partition, bounds: range }));
    for (const range of ranges) events += await checkRange(bus, range, invariants, told, breath);
  }
  for (const invariant of invariants) await invariant.finish?.(told.by(invariant.name), breath);
  return { events, violations: told.all() };
}

/** Documents before the log: all that they say has been done is then in it. */
async function readDocuments(
  options: AuditOptions,
): Promise<{ checkpoints: ShardCheckpoint[]; stored: StoredAggregate[] }> {
  const { store, partitions, folds = [] } = options;
  const stored: StoredAggregate[] = [];
  for (const { decider } of folds) {
    for (let after: string | undefined; ; ) {
      const page = await store.list(aggregateCollection(decider.service), {
        limit: 200,
        ...(after === undefined ? {} : { after }),
      });
      for (const { id, body } of page) stored.push({ service: decider.service, id, document: decodeAggregate(body) });
      after = page.at(-1)?.id;
      if (page.length < 200) break;
    }
  }
  const checkpoints: ShardCheckpoint[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const checkpoint = await readCheckpoint(store, 'validation', partition);
    if (checkpoint !== null) checkpoints.push({ partition, checkpoint });
  }
  return { checkpoints, stored };
}

/** Answers how many events the partition holds. */
async function checkRange(
  bus: Bus,
  range: LogRange,
  invariants: readonly Invariant[],
  told: Told,
  breath: Breath,
): Promise<number> {
  const takers = invariants.filter(({ topics }) => topics.includes(range.topic));
  let events = 0;
  for await (const record of readLog(bus, range, takers.length > 0, breath)) {
    const { place, unreadable, attributes, verdict, event } = record;
    for (const invariant of invariants) invariant.stored?.(place);
    // What a producer sent is judged by validation; what the platform wrote must be readable.
    if (unreadable !== null && place.topic !== 'data.raw') {
      const message = `${place.topic}/${place.partition}@${place.position}: ${unreadable}`;
      told.by(readable)({ pipeline: place.pipeline, message });
    }
    if (attributes === null) continue;
    for (const invariant of invariants) invariant.judged?.(attributes, verdict, told.by(invariant.name));
    if (verdict.kind === 'skip') continue;
    events += 1;
    if (event === null || !fitsSchema(event, told)) continue;
    const fromRow = verdict.kind === 'apply' ? verdict.fromRow : 0;
    for (const invariant of takers) invariant.take?.(event, fromRow, told.by(invariant.name));
  }
  return events;
}

const readable = 'every event can be read';

/** Events of a type that this version does not know are let pass unseen. */
function fitsSchema(event: Parameters<NonNullable<Invariant['take']>>[0], told: Told): boolean {
  const type = eventTypes().get(event.type);
  if (type === undefined) return false;
  try {
    type.read(event);
    return true;
  } catch (thrown) {
    const message = RelearnError.from(thrown).describe();
    told.by(readable)({ pipeline: event.pipeline, message, event: event.id });
    return false;
  }
}

function breathing(clock: Clock, signal: AbortSignal | undefined): Breath {
  let since = clock.now();
  return async () => {
    if (signal?.aborted) throw new RelearnError('CANCELLED', 'the audit was cancelled');
    if (clock.now() - since < sliceMs) return;
    await clock.breathe();
    since = clock.now();
  };
}

/** Collects violations; of each invariant the first ones and how many more there were. */
class Told {
  private readonly violations: Violation[] = [];
  private readonly counts = new Map<string, number>();

  by(invariant: string): (violation: Omit<Violation, 'invariant'>) => void {
    return (violation) => {
      const count = (this.counts.get(invariant) ?? 0) + 1;
      this.counts.set(invariant, count);
      if (count <= toldEach) this.violations.push({ invariant, ...violation });
    };
  }

  all(): Violation[] {
    const rest = [...this.counts].filter(([, count]) => count > toldEach);
    return [
      ...this.violations,
      ...rest.map(([invariant, count]) => ({ invariant, pipeline: '*', message: `and ${count - toldEach} more` })),
    ];
  }
}
