import type { OutgoingRecord } from '@relearn/bus';
import { RelearnError } from '@relearn/kernel';
import { decodeLine } from './line-codec.js';
import { recordsOfLine, type ShippedPipeline } from './logged-events.js';
import { loggedLineOf } from './logged-line.js';
import { readStretch, type Stretch } from './spool-files.js';
import { joinLines, type SpooledLine } from './spooled-line.js';

/** Lines that are to be made events, with all that is to be known for it: it can be done in any thread. */
export interface Shipment {
  readonly stretches: readonly Stretch[];
  /** First words of the events' sources. */
  readonly source: string;
  readonly partitions: number;
  readonly pipelines: ReadonlyMap<string, ShippedPipeline>;
  /** By source: the last row number that was shipped before. */
  readonly last: ReadonlyMap<string, number>;
}

export interface ShippedRecords {
  readonly records: readonly OutgoingRecord[];
  readonly last: ReadonlyMap<string, number>;
  /** Rows whose inputs no event can hold. */
  readonly cut: readonly { readonly pipeline: string; readonly row: number }[];
  /** Files that do not hold any more what was written, and how many lines of them at least. */
  readonly spoiled: readonly Spoiled[];
}

export interface Spoiled {
  readonly file: string;
  readonly lines: number;
}

/** `breathe` is waited for between events. Throws STORAGE_FAILED, and CORRUPT for what another version has written. */
export async function recordsOf(shipment: Shipment, breathe?: () => Promise<void>): Promise<ShippedRecords> {
  const { source, partitions, pipelines } = shipment;
  const last = new Map(shipment.last);
  const records: OutgoingRecord[] = [];
  const cut: { pipeline: string; row: number }[] = [];
  const lines: SpooledLine[] = [];
  const spoiled: Spoiled[] = [];
  for (const stretch of shipment.stretches) {
    const found = await linesIn(stretch);
    lines.push(...found.lines);
    if (found.spoiled > 0) spoiled.push({ file: stretch.file, lines: found.spoiled });
  }
  for (const line of joinLines(lines)) {
    const { pipeline } = line;
    const shipped = pipelines.get(pipeline);
    if (shipped === undefined) throw new RelearnError('INTERNAL', `nothing is known of the pipeline ${pipeline}`);
    const onCut = (row: number) => cut.push({ pipeline, row });
    records.push(...recordsOfLine(loggedLineOf(line), { source, partitions, last, onCut, ...shipped }));
    await breathe?.();
  }
  return { records, last, cut, spoiled };
}

async function linesIn(stretch: Stretch): Promise<{ readonly lines: SpooledLine[]; readonly spoiled: number }> {
  const found = await readStretch(stretch);
  const texts = found.toString().split('\n').slice(0, -1);
  const decoded = texts.map((text) => decodeLine(text, { file: stretch.file }));
  const lines = decoded.filter((line) => line !== null);
  const cutOff = found.byteLength < stretch.bytes ? 1 : 0;
  return { lines, spoiled: decoded.length - lines.length + cutOff };
}
