import { RelearnError } from '@relearn/kernel';

/**
 * A sum of doubles without any rounding, so that it is the same in every order and partition: an integer in lower-case
 * hexadecimal, `p`, and the power of two that it counts, in lowest terms (`-3p-1` is -1.5, zero is `0`).
 */
export type ExactTotal = string;

const CHUNK_BITS = 32;
const CHUNKS = 68;
/** Weight of bit 0 of the first chunk, below the least double. */
const BASE_EXPONENT = -1088;
/** Each addition changes a chunk by less than 2^33, and a chunk is exact below 2^53. */
const ADDITIONS_BETWEEN_CARRIES = 2 ** 19;
const CHUNK = 2 ** CHUNK_BITS;

/** Adds doubles exactly, a few operations each: 32-bit chunks that together span every exponent (after Neal 2015). */
export class ExactSum {
  private readonly chunks = new Float64Array(CHUNKS);
  private readonly bits = new DataView(new ArrayBuffer(8));
  private pending = 0;

  /** Adds a finite number; throws INVALID_INPUT for any other. */
  add(value: number): void {
    if (!Number.isFinite(value)) throw new RelearnError('INVALID_INPUT', `an exact sum cannot hold ${value}`);
    this.bits.setFloat64(0, value);
    const high = this.bits.getUint32(0);
    const low = this.bits.getUint32(4);
    const exponent = (high >>> 20) & 0x7ff;
    const mantissa = (high & 0xfffff) | (exponent > 0 ? 0x100000 : 0);
    const position = Math.max(exponent, 1) - 1075 - BASE_EXPONENT;
    const at = position >>> 5;
    const shift = position & 31;
    const sign = high >>> 31 === 1 ? -1 : 1;
    const carried = shift === 0 ? 0 : low >>> (CHUNK_BITS - shift);
    const over = shift === 0 ? 0 : mantissa >>> (CHUNK_BITS - shift);
    this.bump(at, sign * ((low << shift) >>> 0));
    this.bump(at + 1, sign * (((mantissa << shift) | carried) >>> 0));
    this.bump(at + 2, sign * over);
    if (++this.pending >= ADDITIONS_BETWEEN_CARRIES) this.carry();
  }

  /** The sum so far in its one written form. */
  total(): ExactTotal {
    let sum = 0n;
    for (let i = CHUNKS - 1; i >= 0; i--) sum = (sum << BigInt(CHUNK_BITS)) + BigInt(this.chunks[i] ?? 0);
    return written(sum, BASE_EXPONENT);
  }

  private bump(at: number, amount: number): void {
    this.chunks[at] = (this.chunks[at] ?? 0) + amount;
  }

  private carry(): void {
    this.pending = 0;
    for (let i = 0; i + 1 < CHUNKS; i++) {
      const over = Math.trunc((this.chunks[i] ?? 0) / CHUNK);
      this.bump(i, -over * CHUNK);
      this.bump(i + 1, over);
    }
  }
}

function written(sum: bigint, exponent: number): ExactTotal {
  if (sum === 0n) return '0';
  let integer = sum;
  let power = exponent;
  for (let step = 1024n; step >= 1n; step /= 2n) {
    while (BigInt.asUintN(Number(step), integer) === 0n) {
      integer >>= step;
      power += Number(step);
    }
  }
  return `${integer.toString(16)}p${power}`;
}

interface Dyadic {
  readonly integer: bigint;
  readonly power: number;
}

function read(total: ExactTotal): Dyadic {
  const match = /^(-?)([0-9a-f]+)(?:p(-?\d{1,4}))?$/.exec(total);
  if (match === null) throw new RelearnError('INVALID_INPUT', `${total} is no exact total`);
  const integer = BigInt(`0x${match[2] ?? '0'}`);
  return { integer: match[1] === '-' ? -integer : integer, power: Number(match[3] ?? 0) };
}

/** The exact sum of two totals. */
export function addTotals(a: ExactTotal, b: ExactTotal): ExactTotal {
  const [x, y] = [read(a), read(b)];
  const power = Math.min(x.power, y.power);
  const aligned = (of: Dyadic): bigint => of.integer << BigInt(of.power - power);
  return written(aligned(x) + aligned(y), power);
}

/** The double nearest to a total; ±Infinity beyond their range. */
export function valueOf(total: ExactTotal): number {
  const { integer, power } = read(total);
  const size = integer < 0n ? -integer : integer;
  const spare = size.toString(16).length * 4 - 256;
  if (spare <= 0) return Number(integer) * 2 ** power;
  // Only the leading bits fit a double; one sticky bit keeps the rounding right.
  const kept = (size >> BigInt(spare)) | 1n;
  return (integer < 0n ? -1 : 1) * Number(kept) * 2 ** (power + spare);
}
