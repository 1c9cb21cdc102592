const blockSize = 4096;
/** Places filled before other work gets a turn. */
const stride = 16_384;

/**
 * Sorts indices by a total order: blocks first, then merges of neighbours. Lets other work run between pieces of some
 * milliseconds, which a sort in one call would not.
 */
export async function sortIndices(
  indices: Uint32Array,
  compare: (a: number, b: number) => number,
  breathe: () => Promise<void>,
): Promise<Uint32Array> {
  const { length } = indices;
  let from = indices;
  for (let start = 0; start < length; start += blockSize) {
    from.subarray(start, Math.min(start + blockSize, length)).sort(compare);
    await breathe();
  }
  let to: Uint32Array = new Uint32Array(length);
  for (let width = blockSize; width < length; width *= 2) {
    for (let start = 0; start < length; start += 2 * width) {
      const merging = mergeRuns(from, to, { start, middle: start + width, end: start + 2 * width }, compare);
      while (merging.next().done !== true) await breathe();
    }
    [from, to] = [to, from];
  }
  return from;
}

/** Merges the sorted runs [start, middle) and [middle, end), as far as the array reaches; yields now and then. */
function* mergeRuns(
  from: Uint32Array,
  to: Uint32Array,
  runs: { readonly start: number; readonly middle: number; readonly end: number },
  compare: (a: number, b: number) => number,
): Generator<void> {
  const middle = Math.min(runs.middle, from.length);
  const end = Math.min(runs.end, from.length);
  let left = runs.start;
  let right = middle;
  for (let at = runs.start; at < end; at++) {
    const first = from[left] ?? 0;
    const second = from[right] ?? 0;
    if (right >= end || (left < middle && compare(first, second) <= 0)) {
      to[at] = first;
      left += 1;
    } else {
      to[at] = second;
      right += 1;
    }
    if (at % stride === stride - 1) yield;
  }
}
