import { type Attributes, type Event } from '@relearn/contracts';

/** What the sequence rule says of an event: apply it (rows from `fromRow` on), skip it, or stop at a gap. */
export type Verdict =
  | { readonly kind: 'apply'; readonly fromRow: number }
  | { readonly kind: 'skip' }
  | { readonly kind: 'gap' };

/** The last sequence applied, by source. One number a source is all a consumer keeps to make every effect happen once. */
export class Sequences {
  private readonly last: Map<string, number>;

  constructor(saved: Readonly<Record<string, number>> = {}) {
    this.last = new Map(Object.entries(saved));
  }

  of(source: string): number | undefined {
    return this.last.get(source);
  }

  /** The first event seen of a source is never a gap; later ones must name the one before or an older one. */
  judge(event: Attributes, rowAddresses?: readonly number[]): Verdict {
    const applied = this.last.get(event.source);
    if (applied === undefined) return { kind: 'apply', fromRow: 0 };
    if (event.sequence <= applied) return { kind: 'skip' };
    if (event.previous !== null && event.previous > applied) return { kind: 'gap' };
    if (rowAddresses === undefined) return { kind: 'apply', fromRow: 0 };
    const fromRow = rowAddresses.findIndex((address) => address > applied);
    return { kind: 'apply', fromRow: fromRow < 0 ? rowAddresses.length : fromRow };
  }

  advance(event: Attributes): void {
    this.last.set(event.source, event.sequence);
  }

  /** The source's events up to this one are known to have come. */
  reach(source: string, sequence: number): void {
    if (sequence > (this.last.get(source) ?? Number.NEGATIVE_INFINITY)) this.last.set(source, sequence);
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries([...this.last].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** Addresses of the input rows that an event's rows were made from, where it is a batch. */
export function rowAddressesOf(event: Event): readonly number[] | undefined {
  const data: unknown = event.data;
  if (data === null || typeof data !== 'object' || !('at' in data) || !Array.isArray(data.at)) return undefined;
  return data.at.every((address): address is number => typeof address === 'number') ? data.at : undefined;
}
