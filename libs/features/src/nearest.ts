/** Levenshtein distance: the fewest insertions, deletions and replacements that turn one text into the other. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** A remedy that names the closest of the known names, or lists them when none is close. */
export function didYouMean(wrong: string, known: readonly string[], noun: string): string {
  let best: string | undefined;
  let least = Math.ceil(wrong.length / 3) + 1;
  for (const name of known) {
    const distance = editDistance(wrong.slice(0, 64).toLowerCase(), name.slice(0, 64).toLowerCase());
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  if (best !== undefined) return `Did you mean '${best}'?`;
  return known.length === 0 ? `There is no ${noun}.` : `Known: ${known.slice(0, 20).join(', ')}.`;
}
