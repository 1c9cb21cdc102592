/** Index of the first time above `time` in a rising list, looked for from `from` on; new entries go there. */
export function upperBound(times: readonly number[], time: number, from: number): number {
  let high = times.length;
  // Nearly always the place is at the end.
  for (let steps = 0; steps < 4; steps++) {
    if (high <= from || (times[high - 1] ?? 0) <= time) return high;
    high -= 1;
  }
  let low = from;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
