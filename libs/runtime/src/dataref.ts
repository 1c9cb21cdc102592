import type { Blobs } from '@relearn/blobs';
import {
  type Bus,
  forwarding,
  maxRecordBytes,
  type OutgoingRecord,
  type PartitionReader,
  type StoredRecord,
} from '@relearn/bus';
import { dataRefHeader } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';

/** What a record's key and headers take at most beside its value. */
const headBytes = 16 * 1024;
/** The largest value that one event may have. */
export const mostReferencedBytes = 64 * 1024 * 1024;

const scheme = 'sha256:';

/**
 * A bus that carries events of any size up to `mostReferencedBytes`: what is too large for one record goes to the blobs
 * first, and the record says where it is (CloudEvents extension `dataref`, a claim check). Readers get the event whole.
 * Where its bytes are gone or spoiled the record comes as it is, for its reader to put aside.
 */
export function withDataref(bus: Bus, blobs: Blobs): Bus {
  const resolve = async (record: StoredRecord): Promise<StoredRecord> => {
    const reference = record.headers[dataRefHeader];
    if (reference === undefined) return record;
    const { [dataRefHeader]: _, ...headers } = record.headers;
    try {
      return { ...record, headers, value: await blobs.get(reference.slice(scheme.length)) };
    } catch (thrown) {
      const error = RelearnError.from(thrown);
      if (error.retryable) throw error;
      return record;
    }
  };
  const resolveAll = (records: readonly StoredRecord[]) => Promise.all(records.map(resolve));
  return {
    ...forwarding(bus),
    async publish(records) {
      return await bus.publish(await Promise.all(records.map((record) => refer(record, blobs))));
    },
    read: async (...place) => await resolveAll(await bus.read(...place)),
    follow: (...place) => new ResolvingReader(bus.follow(...place), resolveAll),
    subscribe: (options) =>
      bus.subscribe({
        ...options,
        onAssigned: (partition, readers) =>
          options.onAssigned(
            partition,
            readers.map((reader) => new ResolvingReader(reader, resolveAll)),
          ),
      }),
  };
}

async function refer(record: OutgoingRecord, blobs: Blobs): Promise<OutgoingRecord> {
  const { value } = record;
  if (value.byteLength <= maxRecordBytes - headBytes) return record;
  if (value.byteLength > mostReferencedBytes) {
    const size = `an event of ${value.byteLength} bytes for ${record.topic}/${record.partition}`;
    throw new RelearnError('TOO_LARGE', `${size}; the limit is ${mostReferencedBytes}`);
  }
  const reference = `${scheme}${await blobs.put(value)}`;
  return { ...record, headers: { ...record.headers, [dataRefHeader]: reference }, value: new Uint8Array() };
}

class ResolvingReader implements PartitionReader {
  readonly topic: string;
  readonly partition: number;
  private readonly reader: PartitionReader;
  private readonly resolveAll: (records: readonly StoredRecord[]) => Promise<StoredRecord[]>;

  constructor(reader: PartitionReader, resolveAll: (records: readonly StoredRecord[]) => Promise<StoredRecord[]>) {
    this.topic = reader.topic;
    this.partition = reader.partition;
    this.reader = reader;
    this.resolveAll = resolveAll;
  }

  get position(): number {
    return this.reader.position;
  }

  seek(position: number): void {
    this.reader.seek(position);
  }

  /** What cannot be had now is read again by the next call. */
  async next(...args: Parameters<PartitionReader['next']>): Promise<StoredRecord[]> {
    const records = await this.reader.next(...args);
    try {
      return await this.resolveAll(records);
    } catch (thrown) {
      const [first] = records;
      if (first !== undefined) this.reader.seek(first.position);
      throw thrown;
    }
  }

  commit(position: number): Promise<void> {
    return this.reader.commit(position);
  }
}
