/** From this size a buffer has pages of its own, which cost more than to fill them. */
const leastBytes = 1 << 17;
/** Larger ones are too rare to be kept. */
const mostBytes = 1 << 24;

/** Is it worth to be kept? */
export function isLargeBuffer(byteLength: number): boolean {
  return byteLength >= leastBytes && byteLength <= mostBytes;
}

/**
 * Buffers of large messages, kept from one to the next: a new one is hundreds of pages that the system clears first, and whose
 * number alone has V8 mark its whole heap again and again.
 */
export class LargeBuffers {
  private readonly kept: ArrayBuffer[] = [];
  private keptBytes = 0;
  private readonly mostKept: number;

  /** So many bytes are kept, whatever there were at a time. */
  constructor(mostKept: number) {
    this.mostKept = mostKept;
  }

  /** At least so large; what is in it is left over. */
  take(bytes: number): ArrayBuffer {
    // Not much larger than asked for: a small request is not to be sent along with a large one's room.
    const at = this.kept.findIndex(({ byteLength }) => byteLength >= bytes && byteLength <= 2 * bytes);
    const [found] = at < 0 ? [] : this.kept.splice(at, 1);
    if (found === undefined) return new ArrayBuffer(bytes);
    this.keptBytes -= found.byteLength;
    return found;
  }

  /** Nobody reads it any more. What is not large is left to the garbage collector. */
  give(buffer: ArrayBufferLike): void {
    if (!isLargeBuffer(buffer.byteLength) || !(buffer instanceof ArrayBuffer)) return;
    this.kept.push(buffer);
    this.keptBytes += buffer.byteLength;
    while (this.keptBytes > this.mostKept) this.keptBytes -= this.kept.shift()?.byteLength ?? this.keptBytes;
  }

  /** As `give`, where somebody might: who reads it later finds it detached, without a byte, and never what comes into it next. */
  giveDetached(buffer: ArrayBufferLike): void {
    if (!isLargeBuffer(buffer.byteLength) || !(buffer instanceof ArrayBuffer)) return;
    this.give(structuredClone(buffer, { transfer: [buffer] }));
  }
}
