import { labelStream, type RecordBatch, type Section } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';
import { labelColumns } from './label.js';

/**
 * Checks the records [from, to) of a batch before any of them changes the state, so that a bad batch changes nothing.
 * Gives for each section how many of its records stand before `from`. Throws INVALID_EVENT.
 */
export function checkSlice(batch: RecordBatch, addresses: readonly number[], from: number, to: number): number[] {
  if (from < 0 || to > batch.order.length) {
    throw new RelearnError('INVALID_INPUT', `records ${from} to ${to} are not all in a batch of ${batch.order.length}`);
  }
  const skipped: number[] = [];
  const next = batch.sections.map(() => 0);
  for (let index = 0; index < to; index++) {
    if (index === from) skipped.push(...next);
    const which = batch.order[index] ?? -1;
    const row = next[which];
    const section = batch.sections[which];
    if (row === undefined || section === undefined) {
      throw new RelearnError('INVALID_EVENT', `record ${index} of the batch is in no section`);
    }
    next[which] = row + 1;
    if (index >= from) checkRecord(section, row, index, addresses[index]);
  }
  return from >= to ? next : skipped;
}

function checkRecord(section: Section, row: number, index: number, address: number | undefined): void {
  const wrong = (what: string) => new RelearnError('INVALID_EVENT', `record ${index} of the batch ${what}`);
  if (section.ids[row] === undefined) throw wrong('has no id');
  if (!Number.isFinite(section.times[row])) throw wrong('has no event time');
  if (address === undefined) throw wrong('has no address');
  if (section.stream !== labelStream) return;
  if ((section.columns[labelColumns.event]?.[row] ?? null) === null) {
    throw wrong(`is a label without ${labelColumns.event}`);
  }
}
