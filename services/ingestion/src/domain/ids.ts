import type { Cell } from '@relearn/contracts';
import { canonicalJson, sha256 } from '@relearn/kernel';

/** The cells of the id columns, joined by `|`; undefined without such columns or when one is null. */
export function idOfColumns(columns: readonly string[], cellOf: (column: string) => Cell): string | undefined {
  if (columns.length === 0) return undefined;
  const parts: string[] = [];
  for (const column of columns) {
    const cell = cellOf(column);
    if (cell === null || cell === '') return undefined;
    parts.push(columns.length === 1 ? String(cell) : escaped(String(cell)));
  }
  return parts.join('|');
}

/** Keeps `a|b` + `c` apart from `a` + `b|c`. */
function escaped(part: string): string {
  return /[\\|]/.test(part) ? part.replace(/[\\|]/g, '\\$&') : part;
}

/** A CloudEvent is the same when source and id are; a source is a URI reference and holds no blank. */
export function idOfCloudEvent(source: string, id: string): string {
  return `${source} ${id}`;
}

/** A row of a file that names none: 96 bits of the file's hash and the row's number. */
export function idOfFileRow(contentHash: string, row: number): string {
  return `${contentHash.slice(0, 24)}#${row}`;
}

/** Context that says the same is the same. */
export function idOfContent(values: Readonly<Record<string, Cell>>): string {
  return sha256(canonicalJson(values)).slice(0, 32);
}
