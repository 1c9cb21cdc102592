/** Edits (insert, delete, replace, swap of neighbours) between two texts: Damerau's distance, optimal string alignment. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, (beforeLast[j - 2] ?? 0) + 1);
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** The name nearest to `word`, where it is near enough to be meant: a third of its letters may differ. */
export function nearest(word: string, names: Iterable<string>): string | undefined {
  const lower = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const name of names) {
    if (Math.abs(name.length - word.length) >= bestDistance) continue;
    const distance = editDistance(lower, name.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

const mostListed = 12;

/** `Did you mean 'x'? KIND: a, b, c.` for a name that is none of `names`. */
export function suggest(word: string, names: Iterable<string>, kind: string): string {
  const all = [...names];
  const near = nearest(word, all);
  const listed = all.slice(0, mostListed).join(', ') + (all.length > mostListed ? `, … (${all.length})` : '');
  const known = `${kind}: ${all.length === 0 ? 'none' : listed}.`;
  return near === undefined ? known : `Did you mean '${near}'? ${known}`;
}
