/** `relearn.v1.Scalar`: a value on the wire. At most one field is set, none means null. */
export interface WireScalar {
  readonly text?: string;
  readonly number?: number;
  readonly boolean?: boolean;
}

type Cell = string | number | boolean | null;

export function cellOf({ text, number, boolean }: WireScalar): Cell {
  return text ?? number ?? boolean ?? null;
}

export function scalarOf(cell: Cell): WireScalar {
  if (typeof cell === 'string') return { text: cell };
  if (typeof cell === 'number') return { number: cell };
  return cell === null ? {} : { boolean: cell };
}

/** A message's `map<string, Scalar>` of these values. */
export function scalarsOf(values: Readonly<Record<string, Cell>>): Record<string, WireScalar> {
  return Object.fromEntries(Object.entries(values).map(([name, cell]) => [name, scalarOf(cell)]));
}

/** The values of a message's `map<string, Scalar>`. */
export function cellsOf(scalars: Readonly<Record<string, WireScalar>>): Record<string, Cell> {
  return Object.fromEntries(Object.entries(scalars).map(([name, scalar]) => [name, cellOf(scalar)]));
}

/** A message's `map<string, double>`: what has no value is left out. */
export function numbersOf(values: Readonly<Record<string, number | null>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== null));
}
