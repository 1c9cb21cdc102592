/** From this size a buffer has pages of its own, which cost more than to fill them. */
const leastBytes = 1 << 17;
/** Larger ones are too rare to be kept. */
const mostBytes = 1 << 24;

/** Is it worth to be kept? */
export function isLarge({ byteLength }: ArrayBuffer): boolean {
  return byteLength >= leastBytes && byteLength <= mostBytes;
}

/**
 * Buffers of large inputs, kept from one run to the next: a new one is hundreds of pages that the system clears first, and that
 * nobody frees until garbage is collected.
 */
export class LargeBuffers {
  private readonly kept: ArrayBuffer[] = [];
  private readonly most: number;

  constructor(most: number) {
    this.most = most;
  }

  /** At least so large; what is in it is left over. */
  take(bytes: number): ArrayBuffer {
    // Not much larger than asked for: a small request is not to be sent along with a large one's room.
    const at = this.kept.findIndex(({ byteLength }) => byteLength >= bytes && byteLength <= 2 * bytes);
    const [found] = at < 0 ? [] : this.kept.splice(at, 1);
    return found ?? new ArrayBuffer(bytes);
  }

  /** Nobody reads it any more. */
  give(buffer: ArrayBuffer): void {
    if (!isLarge(buffer)) return;
    this.kept.push(buffer);
    if (this.kept.length > this.most) this.kept.shift();
  }
}
