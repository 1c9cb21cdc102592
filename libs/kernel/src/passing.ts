// For what passes through a process: requests, calls, those who wait. No Map and no Set: these are made anew when their holes are
// many, and the old table keeps its entries and refers to the new one. Once V8 has moved one of them to its old generation, all
// later ones follow, and with them whatever was in them, dead or not, until all of the heap is collected.

/** What a table asks of its values. */
export interface Numbered {
  /** Whole, and greater than those of the values that came before. */
  readonly id: number;
}

const firstSlots = 64;

/** Values by their numbers: linear probing (Knuth, TAOCP 6.4, algorithms L and R). */
export class NumberedTable<Value extends Numbered> {
  private slots = emptySlots<Value>(firstSlots);
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(id: number): Value | undefined {
    return this.slots[this.slotOf(id)];
  }

  /** Of a number that is not there yet. */
  add(value: Value): void {
    this.count += 1;
    if (2 * this.count > this.slots.length) this.grow();
    this.slots[this.slotOf(value.id)] = value;
  }

  delete(id: number): void {
    const { slots } = this;
    let hole = this.slotOf(id);
    if (slots[hole] === undefined) return;
    this.count -= 1;
    // Those behind may have been put there because this one stood in their way.
    for (let at = this.after(hole); ; at = this.after(at)) {
      const value = slots[at];
      if (value === undefined) break;
      if (this.distance(this.homeOf(value.id), at) < this.distance(hole, at)) continue;
      slots[hole] = value;
      hole = at;
    }
    slots[hole] = undefined;
  }

  /** Those that are there now, whatever becomes of them meanwhile. */
  get all(): readonly Value[] {
    return this.slots.filter((value) => value !== undefined);
  }

  /** Where the number is, or would be. */
  private slotOf(id: number): number {
    let at = this.homeOf(id);
    for (let there = this.slots[at]; there !== undefined && there.id !== id; there = this.slots[at])
      at = this.after(at);
    return at;
  }

  /** Neighbours never meet. */
  private homeOf(id: number): number {
    return id & (this.slots.length - 1);
  }

  private distance(from: number, to: number): number {
    return (to - from) & (this.slots.length - 1);
  }

  private after(slot: number): number {
    return (slot + 1) & (this.slots.length - 1);
  }

  private grow(): void {
    const values = this.slots;
    this.slots = emptySlots(2 * values.length);
    for (const value of values) if (value !== undefined) this.slots[this.slotOf(value.id)] = value;
  }
}

function emptySlots<Value>(count: number): (Value | undefined)[] {
  return new Array<Value | undefined>(count).fill(undefined);
}

/** Where a value is in its bag. */
export interface BagEntry<Value> {
  readonly value: Value;
  at: number;
}

/** Values in no order. */
export class Bag<Value> {
  private readonly entries: BagEntry<Value>[] = [];

  add(value: Value): BagEntry<Value> {
    const entry = { value, at: this.entries.length };
    this.entries.push(entry);
    return entry;
  }

  /** Again it changes nothing. */
  delete(entry: BagEntry<Value>): void {
    if (this.entries[entry.at] !== entry) return;
    const last = this.entries.pop();
    if (last === undefined || last === entry) return;
    last.at = entry.at;
    this.entries[entry.at] = last;
  }

  /** Those that are there now, whatever becomes of them meanwhile. */
  get all(): readonly BagEntry<Value>[] {
    return [...this.entries];
  }
}
