import type { Cell, Section } from '@relearn/contracts';
import { timestampOf } from '../values.js';

/** A column that features read; the event time comes from the record itself, times come as milliseconds. */
export interface ReadColumn {
  readonly name: string;
  readonly as: 'cell' | 'timestamp' | 'event-time';
}

/** Reads the columns that features use from a section, one record at a time, into slots. */
export class CellReader {
  readonly cells: Cell[];
  private readonly columns: readonly ReadColumn[];
  private bound: Section | undefined;
  private sources: (readonly Cell[] | undefined)[] = [];

  constructor(columns: readonly ReadColumn[]) {
    this.columns = columns;
    this.cells = columns.map(() => null);
  }

  read(section: Section, row: number): readonly Cell[] {
    if (section !== this.bound) this.bind(section);
    const { cells, columns, sources } = this;
    for (let slot = 0; slot < cells.length; slot++) {
      const cell = sources[slot]?.[row] ?? null;
      cells[slot] = columns[slot]?.as === 'timestamp' ? timestampOf(cell) : cell;
    }
    return cells;
  }

  /** Reads a record given as an object; columns that it lacks are null. */
  readObject(values: Readonly<Record<string, Cell>>): readonly Cell[] {
    this.columns.forEach(({ name, as }, slot) => {
      const cell = values[name] ?? null;
      this.cells[slot] = as === 'cell' ? cell : timestampOf(cell);
    });
    return this.cells;
  }

  private bind(section: Section): void {
    this.bound = section;
    this.sources = this.columns.map(({ name, as }) => (as === 'event-time' ? section.times : section.columns[name]));
  }
}

/**
 * The cells in these slots as one key, or null when one of them is null: nothing is known to be equal to an unknown.
 * Numbers and texts that read the same are the same key. No slots: one key for all.
 */
export function keyOf(cells: readonly Cell[], slots: readonly number[]): string | null {
  if (slots.length === 1) {
    const cell = cells[slots[0] ?? 0] ?? null;
    return cell === null || typeof cell === 'string' ? cell : String(cell);
  }
  let key = '';
  for (const slot of slots) {
    const cell = cells[slot] ?? null;
    if (cell === null) return null;
    const text = String(cell);
    key += `${text.length}:${text}`;
  }
  return key;
}
