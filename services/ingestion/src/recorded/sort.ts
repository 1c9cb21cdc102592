const blockSize = 4096;
/** Comparisons after which other work gets a turn. */
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
      await merge(
        from,
        to,
        start,
        Math.min(start + width, length),
        Math.min(start + 2 * width, length),
        compare,
        breathe,
      );
    }
    [from, to] = [to, from];
  }
  return from;
}

async function merge(
  from: Uint32Array,
  to: Uint32Array,
  start: number,
  middle: number,
  end: number,
  compare: (a: number, b: number) => number,
  breathe: () => Promise<void>,
): Promise<void> {
  let left = start;
  let right = middle;
  for (let at = start; at < end; at++) {
    const first = from[left] ?? 0;
    const second = from[right] ?? 0;
    if (right >= end || (left < middle && compare(first, second) <= 0)) {
      to[at] = first;
      left += 1;
    } else {
      to[at] = second;
      right += 1;
    }
    if (at % stride === stride - 1) await breathe();
  }
}
