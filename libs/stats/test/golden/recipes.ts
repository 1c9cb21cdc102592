import { mulberry32 } from '@relearn/kernel';

/** A value of an input: numbers, the strings NaN and ±Infinity, labels, null for a missing category. */
export type Value = number | string | boolean | null;

interface Check {
  readonly n: number;
  readonly first: Value;
  readonly last: Value;
  readonly sum?: number;
  readonly counts?: Readonly<Record<string, number>>;
}

interface Parts {
  readonly seed?: number;
  readonly n?: number;
  readonly k?: number;
  readonly loc?: number;
  readonly scale?: number;
  readonly w?: number;
  readonly a?: number | readonly number[];
  readonly b?: number | readonly number[];
  readonly c?: number;
  readonly lo?: number;
  readonly count?: number;
  readonly p?: number | Recipe;
  readonly values?: readonly Value[];
  readonly cum?: readonly number[];
  readonly start?: number;
  readonly step?: number;
  readonly value?: Value;
  readonly base?: Recipe;
  readonly at?: number;
  readonly set?: readonly (readonly [number, Value])[];
  readonly parts?: readonly Recipe[];
  readonly round?: number;
  readonly check?: Check;
}

export interface Recipe extends Parts {
  readonly generator: string;
}

export type Input = readonly Value[] | { readonly counts: readonly (readonly [Value, number])[] } | Recipe;

const words: Readonly<Record<string, number>> = { NaN: Number.NaN, Infinity, '-Infinity': -Infinity };

export const number = (value: Value): Value => (typeof value === 'string' ? (words[value] ?? value) : value);

function given<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('a recipe lacks a part');
  return part;
}

/** The values of a generator that draws; `u` gives the next of mulberry32(seed). */
function drawn(r: Recipe, u: () => number): (i: number) => Value {
  const joined = (join: (x: number, y: number) => number): number => {
    let x = u();
    for (let j = 1; j < given(r.k); j++) x = join(x, u());
    return x;
  };
  const pair = (side: Parts['a'], i: number): number => (Array.isArray(side) ? Number(side[i]) : Number.NaN);
  switch (r.generator) {
    case 'sum':
      return () => given(r.loc) + given(r.scale) * (joined((x, y) => x + y) - given(r.k) / 2);
    case 'product':
      return () => given(r.loc) + given(r.scale) * joined((x, y) => x * y);
    case 'ratio':
      return () => {
        const [a, b] = [u(), u()];
        return given(r.loc) + given(r.scale) * ((a - 0.5) / (b + 0.0009765625));
      };
    case 'mixture':
      return () => {
        const [side, a, b, c] = [u(), u(), u(), u()];
        const z = a + b + c - 1.5;
        return side < given(r.w) ? pair(r.a, 0) + pair(r.a, 1) * z : pair(r.b, 0) + pair(r.b, 1) * z;
      };
    case 'integers':
      return () => given(r.lo) + Math.floor(u() * given(r.count));
    case 'bernoulli':
      return () => (u() < Number(r.p) ? 1 : 0);
    case 'choice':
      return () => {
        const x = u();
        const at = given(r.cum).findIndex((c) => x < c);
        return given(given(r.values).at(at));
      };
    case 'walk': {
      let x = given(r.start);
      return () => {
        x += given(r.scale) * (u() - 0.5);
        return x;
      };
    }
    case 'ramp':
      return (i) => given(r.start) + i * given(r.step);
    case 'constant':
      return () => number(given(r.value));
    default:
      throw new Error(`unknown generator ${r.generator}`);
  }
}

/** The values of a generator over inner recipes. */
function derived(r: Recipe, u: () => number): Value[] | undefined {
  switch (r.generator) {
    case 'poly':
      return build(given(r.base)).map((x) => Number(r.a) + Number(x) * (Number(r.b) + Number(x) * given(r.c)));
    case 'flip':
      return typeof r.p === 'object' ? build(r.p).map((p) => (u() < Number(p) ? 1 : 0)) : undefined;
    case 'step':
      return build(given(r.base)).map((x) => (Number(x) >= given(r.at) ? 1 : 0));
    case 'patch': {
      const values = build(given(r.base));
      for (const [i, value] of given(r.set)) values[i] = number(value);
      return values;
    }
    case 'concat':
      return given(r.parts).flatMap(build);
    default:
      return undefined;
  }
}

/** The array of a recipe, bit for bit: every draw is mulberry32's, and only + - * / and floor follow. */
export function build(r: Recipe): Value[] {
  const u = mulberry32(r.seed ?? 0);
  const raw = derived(r, u) ?? Array.from({ length: given(r.n) }, (_, i) => i).map(drawn(r, u));
  const { round } = r;
  return round === undefined ? raw : raw.map((x) => Math.floor(Number(x) * round + 0.5) / round);
}

/** Whether a rebuilt array has the length, ends and sum (or counts) that its recipe states. */
export function agrees(values: readonly Value[], check: Check): boolean {
  const ends = Object.is(values[0], number(check.first)) && Object.is(values.at(-1), number(check.last));
  if (values.length !== check.n || !ends) return false;
  if (check.counts === undefined) {
    const finite = values.filter((v): v is number => Number.isFinite(v));
    return finite.reduce((a, b) => a + b, 0) === check.sum;
  }
  const have = new Map<string, number>();
  for (const value of values) have.set(String(value), (have.get(String(value)) ?? 0) + 1);
  const stated = Object.entries(check.counts);
  return stated.length === have.size && stated.every(([value, count]) => have.get(value) === count);
}

/** An input of a case (inline array, counts or recipe) as a plain array. */
export function decode(input: Input): Value[] {
  if ('generator' in input) return build(input);
  if ('counts' in input) return input.counts.flatMap(([value, count]) => Array<Value>(count).fill(value));
  return input.map(number);
}
