import type { RecordBatch, RowAddress, Section } from '@relearn/contracts';

/** The records [from, to) of a batch as a batch of their own. */
export function sliceBatch(batch: RecordBatch, from: number, to: number): RecordBatch {
  const keep = batch.order.map((_, index) => index >= from && index < to);
  return selectRecords(batch, keep, batch.at ?? []);
}

/**
 * The records of a batch that are to be kept, in their order, each with its address. Sections that lose nothing are
 * the same objects; a section that loses all is left out.
 */
export function selectRecords(
  batch: RecordBatch,
  keep: readonly boolean[],
  addresses: readonly RowAddress[],
): RecordBatch {
  const rows = batch.sections.map((): boolean[] => []);
  batch.order.forEach((which, index) => rows[which]?.push(keep[index] === true));
  const sections: Section[] = [];
  const moved = new Map<number, number>();
  batch.sections.forEach((section, which) => {
    const kept = rows[which] ?? [];
    if (!kept.includes(true)) return;
    moved.set(which, sections.length);
    sections.push(kept.includes(false) ? filterSection(section, kept) : section);
  });
  const order: number[] = [];
  const at: number[] = [];
  batch.order.forEach((which, index) => {
    if (keep[index] !== true) return;
    order.push(moved.get(which) ?? 0);
    at.push(addresses[index] ?? 0);
  });
  return { order, sections, at };
}

function filterSection(section: Section, kept: readonly boolean[]): Section {
  const pick = <T>(values: readonly T[]) => values.filter((_, row) => kept[row] === true);
  const columns = Object.entries(section.columns).map(([name, cells]) => [name, pick(cells)] as const);
  return {
    stream: section.stream,
    ids: pick(section.ids),
    times: pick(section.times),
    columns: Object.fromEntries(columns),
  };
}
