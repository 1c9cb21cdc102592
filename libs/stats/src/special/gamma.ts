const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);
const MAX_TERMS = 100_000;
const TINY = 1e-300;

/**
 * Natural logarithm of the gamma function for x > 0; Infinity at 0 and at Infinity, NaN below 0.
 * Stirling's series (Abramowitz & Stegun 6.1.41) from 15 upwards, reached by the recurrence Γ(x+1) = xΓ(x).
 */
export function logGamma(x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  if (x === 0 || x === Infinity) return Infinity;
  if (x === 1 || x === 2) return 0;
  let shifted = x;
  let product = 1;
  while (shifted < 15) {
    product *= shifted;
    shifted += 1;
  }
  const inverse = 1 / shifted;
  const square = inverse * inverse;
  const series =
    inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square * (1 / 1188)))));
  return (shifted - 0.5) * Math.log(shifted) - shifted + HALF_LOG_2PI + series - Math.log(product);
}

/** x^a e^-x / Γ(a), the factor that both expansions of the incomplete gamma function share. */
function gammaFactor(a: number, x: number): number {
  return Math.exp(a * Math.log(x) - x - logGamma(a));
}

/** P(a, x) by its power series; converges fast for x < a + 1. */
function gammaSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < MAX_TERMS && term > sum * 1e-17; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum * gammaFactor(a, x);
}

/** Q(a, x) by Legendre's continued fraction with Lentz's method; converges fast for x >= a + 1. */
function gammaFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / b;
  let value = d;
  for (let i = 1; i < MAX_TERMS; i++) {
    const step = -i * (i - a);
    b += 2;
    d = step * d + b;
    if (Math.abs(d) < TINY) d = TINY;
    c = b + step / c;
    if (Math.abs(c) < TINY) c = TINY;
    d = 1 / d;
    const factor = d * c;
    value *= factor;
    if (Math.abs(factor - 1) < 1e-16) break;
  }
  return value * gammaFactor(a, x);
}

function incomplete(a: number, x: number, upper: boolean): number {
  if (Number.isNaN(a) || Number.isNaN(x) || a <= 0 || x < 0) return Number.NaN;
  if (x === 0) return upper ? 1 : 0;
  if (x === Infinity) return upper ? 0 : 1;
  if (x < a + 1) {
    const lower = gammaSeries(a, x);
    return upper ? 1 - lower : lower;
  }
  const rest = gammaFraction(a, x);
  return upper ? rest : 1 - rest;
}

/** Regularized lower incomplete gamma function P(a, x); a > 0, x >= 0, otherwise NaN. */
export function gammaP(a: number, x: number): number {
  return incomplete(a, x, false);
}

/** Regularized upper incomplete gamma function Q(a, x) = 1 - P(a, x), without the cancellation. */
export function gammaQ(a: number, x: number): number {
  return incomplete(a, x, true);
}

/** Error function. */
export function erf(x: number): number {
  return x < 0 ? -gammaP(0.5, x * x) : gammaP(0.5, x * x);
}

/** Complementary error function; keeps its relative accuracy in the upper tail. */
export function erfc(x: number): number {
  return x < 0 ? 1 + gammaP(0.5, x * x) : gammaQ(0.5, x * x);
}

/** Distribution function of the standard normal. */
export function normalCdf(x: number): number {
  return 0.5 * erfc(-x / Math.SQRT2);
}

/** Upper tail of the standard normal. */
export function normalSf(x: number): number {
  return 0.5 * erfc(x / Math.SQRT2);
}

/** Distribution function of chi-square; NaN unless degreesOfFreedom > 0. */
export function chiSquareCdf(x: number, degreesOfFreedom: number): number {
  return x <= 0 && degreesOfFreedom > 0 ? 0 : gammaP(degreesOfFreedom / 2, x / 2);
}

/** Upper tail of chi-square: the p-value of a statistic x; NaN unless degreesOfFreedom > 0. */
export function chiSquareSf(x: number, degreesOfFreedom: number): number {
  return x <= 0 && degreesOfFreedom > 0 ? 1 : gammaQ(degreesOfFreedom / 2, x / 2);
}
