/** What the table asks of a stream. */
export interface Numbered {
  readonly id: number;
}

const firstSlots = 64;

/**
 * A connection's streams by their numbers. No Map: when V8 makes the table of a Map anew, which one that streams pass through
 * needs all the time, the old one keeps its entries and refers to the new one. Once one of them is in the old generation, all
 * later ones and every stream in them follow, dead or not. Linear probing (Knuth, TAOCP 6.4, algorithms L and R).
 */
export class StreamTable<Stream extends Numbered> {
  private slots = emptySlots<Stream>(firstSlots);
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(id: number): Stream | undefined {
    return this.slots[this.slotOf(id)];
  }

  /** Of a number that is not there yet. */
  add(stream: Stream): void {
    this.count += 1;
    if (2 * this.count > this.slots.length) this.grow();
    this.slots[this.slotOf(stream.id)] = stream;
  }

  delete(id: number): void {
    const { slots } = this;
    let hole = this.slotOf(id);
    if (slots[hole] === undefined) return;
    this.count -= 1;
    // Those behind may have been put there because this one stood in their way.
    for (let at = this.after(hole); ; at = this.after(at)) {
      const stream = slots[at];
      if (stream === undefined) break;
      if (this.distance(this.homeOf(stream.id), at) < this.distance(hole, at)) continue;
      slots[hole] = stream;
      hole = at;
    }
    slots[hole] = undefined;
  }

  *[Symbol.iterator](): Generator<Stream> {
    for (const stream of [...this.slots]) if (stream !== undefined) yield stream;
  }

  /** Where the number is, or would be. */
  private slotOf(id: number): number {
    let at = this.homeOf(id);
    for (let there = this.slots[at]; there !== undefined && there.id !== id; there = this.slots[at])
      at = this.after(at);
    return at;
  }

  /** A client's numbers are odd, and each is greater than those before: neighbours never meet. */
  private homeOf(id: number): number {
    return (id >>> 1) & (this.slots.length - 1);
  }

  private distance(from: number, to: number): number {
    return (to - from) & (this.slots.length - 1);
  }

  private after(slot: number): number {
    return (slot + 1) & (this.slots.length - 1);
  }

  private grow(): void {
    const streams = this.slots;
    this.slots = emptySlots(2 * streams.length);
    for (const stream of streams) if (stream !== undefined) this.slots[this.slotOf(stream.id)] = stream;
  }
}

function emptySlots<Stream>(count: number): (Stream | undefined)[] {
  return new Array<Stream | undefined>(count).fill(undefined);
}
