/**
 * The greatest value of a sliding window: the entries that no later entry reaches, by time, so their values fall
 * from front to back. Amortised constant time while entries come in order; one that comes late is put in its place.
 */
export class ExtremeQueue {
  private readonly times: number[] = [];
  private readonly values: number[] = [];
  private head = 0;
  /** Entries below this time have been dropped. */
  private floor = Number.NEGATIVE_INFINITY;

  insert(time: number, value: number): void {
    if (time < this.floor) return;
    const { times, values, head } = this;
    let after = times.length;
    while (after > head && (times[after - 1] ?? 0) > time) after -= 1;
    if (after < times.length && (values[after] ?? 0) >= value) return;
    let first = after;
    while (first > head && (values[first - 1] ?? 0) <= value) first -= 1;
    if (after === times.length) {
      times.length = first;
      values.length = first;
      times.push(time);
      values.push(value);
      return;
    }
    times.splice(first, after - first, time);
    values.splice(first, after - first, value);
  }

  /** Whether entries from `time` on are all still here. */
  reaches(time: number): boolean {
    return time >= this.floor;
  }

  /** The greatest value at or after `time`, dropping what is older; null when there is none. */
  greatestSince(time: number): number | null {
    this.dropBefore(time);
    return this.values[this.head] ?? null;
  }

  dropBefore(time: number): void {
    if (time <= this.floor) return;
    this.floor = time;
    const { times } = this;
    while (this.head < times.length && (times[this.head] ?? 0) < time) this.head += 1;
    if (this.head <= 32 || this.head * 2 <= times.length) return;
    times.splice(0, this.head);
    this.values.splice(0, this.head);
    this.head = 0;
  }
}
