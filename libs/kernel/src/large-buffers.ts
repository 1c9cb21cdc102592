import type { Clock } from './clock.js';

/** From this size a buffer has pages of its own, which cost more than to fill them. */
const leastBytes = 1 << 17;
/** Larger ones are too rare to be kept. */
const mostBytes = 1 << 24;

/** What nobody needed for so long is kept no longer. */
const restMs = 10_000;

/** Is it worth to be kept? */
export function isLargeBuffer(byteLength: number): boolean {
  return byteLength >= leastBytes && byteLength <= mostBytes;
}

/**
 * Buffers of large messages, kept from one to the next: a new one is hundreds of pages that the system clears first, and whose
 * number alone has V8 mark its whole heap again and again. Under load they stay; at rest they are freed.
 */
export class LargeBuffers {
  private readonly kept: ArrayBuffer[] = [];
  private keptBytes = 0;
  /** So many of them were there all the time since the last rest. */
  private spareBytes = 0;
  private resting = false;
  private readonly mostKept: number;
  private readonly clock: Clock;

  /** So many bytes are kept at most. */
  constructor(mostKept: number, clock: Clock) {
    this.mostKept = mostKept;
    this.clock = clock;
  }

  /** At least so large; what is in it is left over. */
  take(bytes: number): ArrayBuffer {
    // Not much larger than asked for: a small request is not to be sent along with a large one's room.
    if (2 * bytes < leastBytes) return new ArrayBuffer(bytes);
    const at = this.kept.findIndex(({ byteLength }) => byteLength >= bytes && byteLength <= 2 * bytes);
    const [found] = at < 0 ? [] : this.kept.splice(at, 1);
    if (found === undefined) return new ArrayBuffer(bytes);
    this.keptBytes -= found.byteLength;
    this.spareBytes = Math.min(this.spareBytes, this.keptBytes);
    return found;
  }

  /** Nobody reads it any more. What is not large is left to the garbage collector. */
  give(buffer: ArrayBufferLike): void {
    if (!isKept(buffer)) return;
    this.kept.push(buffer);
    this.keptBytes += buffer.byteLength;
    while (this.keptBytes > this.mostKept) this.drop();
    this.restLater();
  }

  /** As `give`, where somebody might: who reads it later finds it detached, without a byte, and never what comes into it next. */
  giveDetached(buffer: ArrayBufferLike): void {
    if (isKept(buffer)) this.give(structuredClone(buffer, { transfer: [buffer] }));
  }

  private drop(): ArrayBuffer[] {
    const oldest = this.kept.splice(0, 1);
    for (const { byteLength } of oldest) this.keptBytes -= byteLength;
    return oldest;
  }

  private restLater(): void {
    if (this.resting) return;
    this.resting = true;
    this.clock.after(restMs, () => {
      this.resting = false;
      const needed = this.keptBytes - this.spareBytes;
      const spare: ArrayBuffer[] = [];
      while (this.keptBytes > needed) spare.push(...this.drop());
      if (spare.length > 0) free(spare);
      this.spareBytes = this.keptBytes;
      if (this.keptBytes > 0) this.restLater();
    });
  }
}

function isKept(buffer: ArrayBufferLike): buffer is ArrayBuffer {
  return isLargeBuffer(buffer.byteLength) && buffer instanceof ArrayBuffer;
}

/** At once: where nothing is allocated, no garbage is collected. What lies in a channel goes with it. */
function free(buffers: ArrayBuffer[]): void {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(null, buffers);
  port1.close();
  port2.close();
}
