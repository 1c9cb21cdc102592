import { rowStream } from '@relearn/contracts';
import type { Ports } from '@relearn/runtime';
import { openTable } from '@relearn/tabular';
import { openRecorded, type RejectedRow } from '../recorded/recorded-log.js';
import { latestTime } from './latest-time.js';
import { latestOf, publishRecorded } from './publish-recorded.js';

export interface IngestProgress {
  readonly published: number;
  readonly total: number;
}

export interface IngestResult {
  /** Records written: rows, and of those that hold it their label. */
  readonly published: number;
  readonly rejected: { readonly count: number; readonly first: readonly RejectedRow[] };
  /** Columns of the file that the pipeline does not declare and that were left out. */
  readonly undeclared: readonly string[];
}

const recordsAtOnce = 1000;

/**
 * Writes a data file to the pipeline's stream, in the order in which its records became known. Written twice it is
 * taken once: ids are the pipeline's id columns, or the file's content hash and the row's number. Rows of a live pipeline
 * whose times lie more than a day ahead of the clock are rejected.
 * Throws NOT_FOUND (pipeline, stream or file), INVALID_INPUT for a file that does not fit, CANCELLED.
 */
export async function ingestFile(
  ports: Ports,
  pipeline: string,
  path: string,
  onProgress: (progress: IngestProgress) => void,
  { stream = rowStream, signal }: { stream?: string; signal?: AbortSignal } = {},
): Promise<IngestResult> {
  const { spec } = latestOf(ports, pipeline);
  const table = await openTable(path);
  const latest = await latestTime(ports, pipeline);
  const options = { latest, breathe: () => ports.kernel.clock.breathe(), ...(signal === undefined ? {} : { signal }) };
  const log = await openRecorded(spec, [{ stream, table }], options);
  for (;;) {
    const batch = log.next(Number.POSITIVE_INFINITY, recordsAtOnce);
    if (batch === null) break;
    await publishRecorded(ports, pipeline, batch, signal);
    onProgress({ published: batch.position, total: log.total });
  }
  const undeclared = log.undeclared.flatMap(({ columns }) => columns);
  return { published: log.position, rejected: log.rejected, undeclared };
}
