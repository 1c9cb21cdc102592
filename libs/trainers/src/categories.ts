import type { CategoryColumn } from './table.js';

/** The `limit` most frequent values of a column, sorted by UTF-16 code units whatever the dictionary's order; never ''. */
export function frequentValues({ dictionary, codes }: CategoryColumn, limit: number): string[] {
  const byCode = new Float64Array(dictionary.length);
  for (const code of codes) if (code >= 0) byCode[code]! += 1;
  const counts = new Map<string, number>();
  dictionary.forEach((value, code) => {
    if (value !== '' && byCode[code]! > 0) counts.set(value, (counts.get(value) ?? 0) + byCode[code]!);
  });
  const sorted = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return sorted
    .slice(0, limit)
    .map(([value]) => value)
    .sort();
}

/** For each entry of a dictionary its place among `values`, from 1 on; 0 where it is not among them. */
export function placesOf(dictionary: readonly string[], values: readonly string[]): Int32Array {
  const places = new Map(values.map((value, i) => [value, i + 1]));
  return Int32Array.from(dictionary, (value) => places.get(value) ?? 0);
}
