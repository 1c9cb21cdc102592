import type { StoredRecord } from '@relearn/bus';
import { checkpointSaved, type Topic } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { type Checkpoint, emptyCheckpoint, type FoldedShard, foldedShard } from '../fold/checkpoint.js';
import type { FoldDefinition } from '../fold/definition.js';
import { readSaved, savedSource } from '../fold/saved-checkpoints.js';
import { ShardFold } from '../fold/shard-fold.js';
import type { Ports } from '../ports.js';
import { type ControlLog, placeOf } from './control-log.js';
import { breathing, recordsOf } from './log.js';

type Positions = Readonly<Record<string, number>>;

/** How far a shard is folded. */
export interface UpTo {
  /** By topic: the position below which everything is applied. */
  readonly positions: Positions;
  /** False: a saved checkpoint may be ahead of the positions, which are only known to have been reached. */
  readonly exactly: boolean;
}

/** Records of one topic that are folded before those of another get their turn. */
const chunk = 64;

/**
 * Folds a shard up to the positions, below which all that it emitted is in the log: from the first record where the log
 * is whole and tells all, else from the last saved checkpoint. Emits nothing; its blobs are written.
 * Null where nothing was ever applied. Throws CORRUPT where neither reaches back.
 */
export async function refoldShard<S>(
  ports: Ports,
  definition: FoldDefinition<S>,
  partition: number,
  upTo: UpTo,
  log: ControlLog,
): Promise<Omit<Checkpoint, 'epoch'> | null> {
  const start = await startOf(ports, definition, partition, upTo, log);
  const ends = definition.topics.map((topic) => ({
    topic,
    end: Math.max(upTo.positions[topic] ?? 0, start.positions[topic] ?? 0),
  }));
  if (ends.every(({ end }) => end === 0)) return null;
  const fold = await ShardFold.open(ports, definition, partition, start);
  const breath = breathing(ports.kernel.clock);
  const bounds = await Promise.all(ends.map(({ topic }) => ports.bus.bounds(topic)));
  const streams = ends.map(({ topic, end }, index) => {
    const done = fold.done.get(topic) ?? 0;
    const first = Math.max(done, bounds[index]?.[partition]?.first ?? 0);
    if (end > done && first > done) {
      const gone = `${topic}/${partition} is kept from ${first} on, and no saved checkpoint is behind ${done}`;
      throw new RelearnError('CORRUPT', `${definition.service}/${partition}: ${gone}`);
    }
    return recordsOf(ports.bus, topic, partition, { first, end });
  });
  while (streams.length > 0) {
    for (const stream of [...streams]) {
      for (let left = chunk; left > 0; left -= 1) {
        const { value: record, done } = await stream.next();
        if (done === true) {
          streams.splice(streams.indexOf(stream), 1);
          break;
        }
        await foldOne(fold, definition.service, record, log);
        await breath();
      }
    }
    await fold.parts.flush();
  }
  for (const { topic, end } of ends) fold.done.set(topic, end);
  const { checkpoint } = fold.save();
  await fold.parts.flush();
  const { saved } = start;
  return { ...checkpoint, saved };
}

async function foldOne<S>(fold: ShardFold<S>, service: string, record: StoredRecord, log: ControlLog): Promise<void> {
  const aside = () => fold.putAside(record, () => Promise.resolve());
  if (log.aside.has(placeOf(service, record.topic, record.partition, record.position))) await aside();
  else {
    try {
      await fold.encoded(await fold.apply(record));
    } catch (thrown) {
      if (RelearnError.from(thrown).code !== 'INVALID_EVENT') throw thrown;
      await aside();
    }
  }
  fold.done.set(record.topic, record.position + 1);
}

async function startOf<S>(
  ports: Ports,
  definition: FoldDefinition<S>,
  partition: number,
  upTo: UpTo,
  { saved, whole }: ControlLog,
): Promise<Omit<Checkpoint, 'epoch'>> {
  const { service, topics, prepare } = definition;
  const known = (saved.get(savedSource(service, partition)) ?? []).toSorted((a, b) => b.sequence - a.sequence);
  const reachesBack = topics.every(whole);
  let last = { ...emptyCheckpoint.saved, sequence: known[0]?.sequence ?? 0 };
  for (const event of known) {
    const { blob } = checkpointSaved.read(event).data;
    const folded = await readable(ports, blob);
    if (folded === null) continue;
    if (last.blob === null) last = { ...last, at: Date.parse(event.time), blob };
    if (upTo.exactly && isAhead(folded, upTo.positions, topics)) continue;
    if (!reachesBack || prepare !== undefined) return { ...folded, saved: last };
    break;
  }
  if (reachesBack || topics.every((topic) => (upTo.positions[topic] ?? 0) === 0)) {
    return { ...foldedShard(emptyCheckpoint), saved: last };
  }
  throw new RelearnError(
    'CORRUPT',
    `${service}/${partition}: the log does not reach back, and no saved checkpoint can be read`,
  );
}

/** Null when the checkpoint or one of its parts is gone: the owner that wrote it had lost the shard. */
async function readable({ blobs }: Ports, blob: string): Promise<FoldedShard | null> {
  if (!(await blobs.has(blob))) return null;
  const folded = await readSaved(blobs, blob);
  for (const part of Object.values(folded.parts)) if (!(await blobs.has(part))) return null;
  return folded;
}

function isAhead({ positions }: FoldedShard, upTo: Positions, topics: readonly Topic[]): boolean {
  return topics.some((topic) => (positions[topic] ?? 0) > (upTo[topic] ?? 0));
}
