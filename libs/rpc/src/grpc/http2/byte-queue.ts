const nothing = Buffer.alloc(0);

/** Bytes that wait, in one piece however small the pieces were that they came in. What was taken is never written again. */
export class ByteQueue {
  private room: Buffer = nothing;
  private from = 0;
  private to = 0;

  get length(): number {
    return this.to - this.from;
  }

  /** All that wait, as long as nobody adds or drops any. */
  get bytes(): Buffer {
    return this.room.subarray(this.from, this.to);
  }

  add(bytes: Buffer): void {
    const { length } = this;
    if (this.to + bytes.length > this.room.length) {
      const room = Buffer.allocUnsafe(Math.max(2 * length, length + bytes.length));
      this.room.copy(room, 0, this.from, this.to);
      this.room = room;
      this.from = 0;
      this.to = length;
    }
    this.to += bytes.copy(this.room, this.to);
  }

  /** The first so many wait no more. */
  drop(count: number): void {
    this.from += count;
    if (this.from < this.to) return;
    this.room = nothing;
    this.from = 0;
    this.to = 0;
  }
}
