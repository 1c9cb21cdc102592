/** Writes the gradient at a point and returns the value there. */
export type Objective = (point: Float64Array, gradient: Float64Array) => number;

export interface MinimiseOptions {
  readonly maxIterations: number;
  /** Stop where no component of the gradient exceeds this. */
  readonly tolerance: number;
  /** Called after each iteration. */
  readonly onIteration: (iteration: number) => void;
}

/** Pairs of steps and gradient changes that are kept. */
const memory = 10;
const sufficientDecrease = 1e-4;
const halvings = 40;

/**
 * Limited-memory BFGS with backtracking (Nocedal and Wright, Numerical Optimization, algorithm 7.5) for a smooth convex
 * function. Moves `point` to the minimum and returns the iterations used.
 */
export function minimise(objective: Objective, point: Float64Array, options: MinimiseOptions): number {
  const size = point.length;
  let gradient = new Float64Array(size);
  let nextGradient = new Float64Array(size);
  const trial = new Float64Array(size);
  const direction = new Float64Array(size);
  const pairs: Pair[] = [];
  let value = objective(point, gradient);
  let iteration = 0;
  while (iteration < options.maxIterations && greatest(gradient) > options.tolerance) {
    findDirection(gradient, pairs, direction);
    const slope = dot(gradient, direction);
    let step = pairs.length === 0 ? 1 / Math.max(1, Math.sqrt(dot(gradient, gradient))) : 1;
    let next = Infinity;
    let tries = 0;
    for (; tries < halvings; tries++, step /= 2) {
      for (let i = 0; i < size; i++) trial[i] = point[i]! + step * direction[i]!;
      next = objective(trial, nextGradient);
      if (next <= value + sufficientDecrease * step * slope) break;
    }
    // No step goes down any more: the minimum as far as float64 can tell.
    if (tries === halvings) break;
    remember(pairs, point, trial, gradient, nextGradient);
    point.set(trial);
    value = next;
    [gradient, nextGradient] = [nextGradient, gradient];
    options.onIteration(++iteration);
  }
  return iteration;
}

interface Pair {
  readonly step: Float64Array;
  readonly change: Float64Array;
  readonly inverse: number;
}

function remember(
  pairs: Pair[],
  from: Float64Array,
  to: Float64Array,
  gradient: Float64Array,
  nextGradient: Float64Array,
): void {
  const step = to.map((value, i) => value - from[i]!);
  const change = nextGradient.map((value, i) => value - gradient[i]!);
  const curvature = dot(step, change);
  // A pair without curvature would make the approximation indefinite.
  if (curvature <= 1e-12 * dot(change, change)) return;
  if (pairs.length === memory) pairs.shift();
  pairs.push({ step, change, inverse: 1 / curvature });
}

/** The two-loop recursion: minus the approximate inverse Hessian times the gradient. */
function findDirection(gradient: Float64Array, pairs: readonly Pair[], direction: Float64Array): void {
  for (let i = 0; i < gradient.length; i++) direction[i] = -gradient[i]!;
  const weights = new Float64Array(pairs.length);
  for (let p = pairs.length - 1; p >= 0; p--) {
    const { step, change, inverse } = pairs[p]!;
    weights[p] = inverse * dot(step, direction);
    add(direction, change, -weights[p]!);
  }
  const last = pairs.at(-1);
  if (last !== undefined) {
    const scale = 1 / (last.inverse * dot(last.change, last.change));
    for (let i = 0; i < direction.length; i++) direction[i] = direction[i]! * scale;
  }
  pairs.forEach(({ step, change, inverse }, p) => {
    add(direction, step, weights[p]! - inverse * dot(change, direction));
  });
}

function add(target: Float64Array, source: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] = target[i]! + factor * source[i]!;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function greatest(values: Float64Array): number {
  let size = 0;
  for (let i = 0; i < values.length; i++) size = Math.max(size, Math.abs(values[i]!));
  return size;
}
