import { nearest, suggest } from './did-you-mean.js';
import { overlaps, type Path, type Problem } from './problems.js';

/** The part of JSON Schema in which the form of the pipeline file is written. */
export interface Shape {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, Shape>>;
  readonly propertyNames?: Shape;
  readonly additionalProperties?: boolean | Shape;
  readonly minProperties?: number;
  readonly items?: Shape;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** Stands for a value that does not fit. */
export const broken = Symbol('broken');

/**
 * Compares a value with a shape and collects every problem. `check` returns the value without the parts that do not fit
 * (unknown keys, broken optional values, broken items), or `broken` where nothing useful is left: so one mistake does not
 * hide the next. Items that were left out shift those behind them; `inFile` gives their paths in the file.
 */
export class ShapeCheck {
  readonly problems: Problem[] = [];
  /** By the JSON of a list's path in the file: for each kept item its index there. */
  private readonly origins = new Map<string, readonly number[]>();

  check(shape: Shape, value: unknown, path: Path): unknown {
    if (shape.anyOf !== undefined) return this.union(shape, shape.anyOf, value, path);
    if (!kindsOf(shape).includes(kindOf(value))) return this.mismatch(shape, value, path);
    if (shape.enum !== undefined) return this.oneOf(shape, shape.enum, value, path);
    if (Array.isArray(value)) return this.list(shape, value, path);
    if (isBlock(value)) return this.block(shape, value, path);
    if (typeof value === 'string') return this.text(shape, value, path);
    if (typeof value === 'number') return this.number(shape, value, path);
    return value;
  }

  /** The path in the file of a path in what `check` returned. */
  inFile(path: Path): Path {
    const real: (string | number)[] = [];
    for (const part of path) {
      const index = typeof part === 'number' ? this.origins.get(JSON.stringify(real))?.[part] : undefined;
      real.push(index ?? part);
    }
    return real;
  }

  /** Whether the value at the path (of the file) is wrong in itself or within. */
  isDamaged(path: Path): boolean {
    return this.problems.some((problem) => {
      return overlaps(problem.path, path) && (problem.path.length >= path.length || problem.at !== 'key');
    });
  }

  /** The keys of the block at the path (of the file) that are wrong in themselves or within. */
  damagedKeys(path: Path): string[] {
    const below = this.problems.filter((problem) => problem.path.length > path.length && overlaps(problem.path, path));
    return below.map((problem) => String(problem.path[path.length]));
  }

  private report(path: Path, message: string, remedy: string, at?: 'key'): typeof broken {
    this.problems.push({ path, message, remedy, ...(at === undefined ? {} : { at }) });
    return broken;
  }

  private mismatch(shape: Shape, value: unknown, path: Path): typeof broken {
    const remedy = remedyFor(shape, value);
    if (path.length === 0 && kindOf(value) === 'null') return this.report(path, 'the file is empty', remedy);
    return this.report(path, `expected ${titleOf(shape)}, got ${describe(value)}`, remedy);
  }

  private oneOf(shape: Shape, allowed: readonly unknown[], value: unknown, path: Path): unknown {
    if (allowed.includes(value)) return value;
    const words = allowed.map(String);
    return this.report(
      path,
      `expected ${titleOf(shape)}, got ${describe(value)}`,
      suggest(String(value), words, 'Possible'),
    );
  }

  private text(shape: Shape, value: string, path: Path): unknown {
    const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern } = shape;
    if (value.length < minLength) {
      return this.report(path, `expected ${titleOf(shape)}, got an empty text`, 'Give a value, or remove the key.');
    }
    if (value.length > maxLength) {
      return this.report(path, `the text has ${value.length} characters`, `Write at most ${maxLength}.`);
    }
    if (pattern !== undefined && !new RegExp(pattern).test(value)) return this.mismatch(shape, value, path);
    return value;
  }

  private number(shape: Shape, value: number, path: Path): unknown {
    if (!Number.isFinite(value) || (shape.type === 'integer' && !Number.isInteger(value))) {
      return this.mismatch(shape, value, path);
    }
    const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = shape;
    const fits =
      (minimum === undefined || value >= minimum) &&
      (maximum === undefined || value <= maximum) &&
      (exclusiveMinimum === undefined || value > exclusiveMinimum) &&
      (exclusiveMaximum === undefined || value < exclusiveMaximum);
    return fits ? value : this.report(path, `${value} is out of range`, `Write ${titleOf(shape)} ${limitsOf(shape)}.`);
  }

  private list(shape: Shape, value: readonly unknown[], path: Path): unknown {
    const { items = {}, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = shape;
    if (value.length < minItems || value.length > maxItems) {
      const limit =
        minItems === maxItems
          ? `${minItems}`
          : value.length < minItems
            ? `at least ${minItems}`
            : `at most ${maxItems}`;
      const remedy =
        value.length < minItems && minItems === 1 ? 'Give at least one, or remove the key.' : `Give ${limit}.`;
      return this.report(path, `the list has ${value.length} ${value.length === 1 ? 'item' : 'items'}`, remedy);
    }
    const kept: unknown[] = [];
    const origins: number[] = [];
    value.forEach((item, i) => {
      const checked = this.check(items, item, [...path, i]);
      if (checked === broken) return;
      kept.push(checked);
      origins.push(i);
    });
    this.origins.set(JSON.stringify(path), origins);
    // A list of plain values is one thing; a list of blocks is many.
    const whole = kept.length === value.length || kept.some(isBlock);
    return whole && kept.length >= minItems ? kept : broken;
  }

  private block(shape: Shape, value: Readonly<Record<string, unknown>>, path: Path): unknown {
    const { properties = {}, required = [], minProperties = 0 } = shape;
    const kept: [string, unknown][] = [];
    const missing = new Set(required.filter((key) => !Object.hasOwn(value, key)));
    let complete = missing.size === 0;
    for (const [key, inner] of Object.entries(value)) {
      const innerShape = this.shapeOfKey(shape, key, value, missing, path);
      if (innerShape === undefined) continue;
      const checked = this.check(innerShape, inner, [...path, key]);
      if (checked !== broken) kept.push([key, checked]);
      else if (required.includes(key)) complete = false;
    }
    for (const key of missing) {
      const says = properties[key]?.description ?? `${titleOf(properties[key] ?? {})}.`;
      this.report(path, `the key '${key}' is missing`, `Add '${key}': ${says}`, 'key');
    }
    if (Object.keys(value).length < minProperties) {
      this.report(path, 'the block is empty', `Give at least ${minProperties} entry, or remove the key.`, 'key');
    }
    return complete ? Object.fromEntries(kept) : broken;
  }

  /** Reports a key that may not be there; one that is a missing key misspelt is taken off `missing`. */
  private shapeOfKey(shape: Shape, key: string, block: object, missing: Set<string>, path: Path): Shape | undefined {
    const { properties = {}, patternProperties = {}, propertyNames = {}, additionalProperties } = shape;
    const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (known !== undefined) return known;
    for (const [pattern, inner] of Object.entries(patternProperties)) if (new RegExp(pattern).test(key)) return inner;
    const at = [...path, key];
    const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = propertyNames;
    if (key.length < minLength || key.length > maxLength) {
      this.report(at, `the name has ${key.length} characters`, `Write ${minLength} to ${maxLength}.`, 'key');
      return undefined;
    }
    if (additionalProperties !== false) return typeof additionalProperties === 'object' ? additionalProperties : {};
    const patterns = Object.keys(patternProperties);
    if (patterns.length > 0) {
      this.report(at, `'${key}' is no valid name here`, `Names match ${patterns.join(' or ')}.`, 'key');
      return undefined;
    }
    const names = Object.keys(properties);
    const near = nearest(
      key,
      names.filter((name) => !Object.hasOwn(block, name)),
    );
    const meant = near === undefined ? '' : `Did you mean '${near}'? `;
    this.report(at, `unknown key '${key}'`, `${meant}Possible here: ${names.join(', ')}.`, 'key');
    if (near !== undefined) missing.delete(near);
    return undefined;
  }

  private union(shape: Shape, branches: readonly Shape[], value: unknown, path: Path): unknown {
    const kind = kindOf(value);
    const fitting = branches.filter((branch) => kindsOf(branch).includes(kind));
    const [only] = fitting;
    if (only === undefined) return this.mismatch(shape, value, path);
    if (fitting.length === 1) return this.check(only, value, path);
    if (isBlock(value)) {
      const chosen = chooseBranch(fitting, value);
      return chosen === undefined ? this.mismatch(shape, value, path) : this.check(chosen, value, path);
    }
    for (const branch of fitting) {
      const trial = new ShapeCheck().check(branch, value, path);
      if (trial !== broken) return trial;
    }
    return this.mismatch(shape, value, path);
  }
}

/** The branch whose keys the block has most of, misspelt ones counted half; none when its keys decide nothing. */
function chooseBranch(branches: readonly Shape[], block: Readonly<Record<string, unknown>>): Shape | undefined {
  const scored = branches.map((branch) => {
    const properties = Object.keys(branch.properties ?? {});
    const missing = (branch.required ?? []).filter((key) => !Object.hasOwn(block, key));
    let score = -missing.length / 100;
    for (const key of Object.keys(block)) {
      if (properties.includes(key)) score += 1;
      else if (nearest(key, missing) !== undefined) score += 0.5;
    }
    return { branch, score };
  });
  scored.sort((a, b) => b.score - a.score);
  const [first, second] = scored;
  return first !== undefined && second !== undefined && first.score === second.score ? undefined : first?.branch;
}

function isBlock(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function kindsOf(shape: Shape): string[] {
  if (shape.anyOf !== undefined) return shape.anyOf.flatMap(kindsOf);
  if (shape.enum !== undefined) return shape.enum.map(kindOf);
  if (shape.type === undefined) return ['null', 'array', 'object', 'string', 'number', 'boolean'];
  return [shape.type === 'integer' ? 'number' : shape.type];
}

const kindTitles: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a block',
  null: 'null',
};

function titleOf(shape: Shape): string {
  return shape.title ?? kindTitles[shape.type ?? ''] ?? 'a value';
}

function limitsOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Shape): string {
  const limits = [
    minimum === undefined ? [] : [`of at least ${minimum}`],
    exclusiveMinimum === undefined ? [] : [`above ${exclusiveMinimum}`],
    maximum === undefined ? [] : [`at most ${maximum}`],
    exclusiveMaximum === undefined ? [] : [`below ${exclusiveMaximum}`],
  ];
  return limits.flat().join(' and ');
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a block';
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 60)}…` : value}'`;
  return typeof value === 'number' ? `the number ${value}` : JSON.stringify(value);
}

function remedyFor(shape: Shape, value: unknown): string {
  const kinds = kindsOf(shape);
  const plain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  if (shape.required !== undefined) return `Write a block with ${shape.required.join(', ')}.`;
  if (value === null || value === undefined) return 'Give a value, or remove the key.';
  if (shape.examples !== undefined) {
    return `Write it like ${shape.examples.map((example) => (typeof example === 'string' ? example : JSON.stringify(example))).join(', ')}.`;
  }
  if (plain && kinds.includes('array') && !kinds.includes(kindOf(value))) return `Write it as a list: [${value}].`;
  if (plain && typeof value !== 'string' && kinds.includes('string')) return `Put it in quotes: '${value}'.`;
  if (typeof value === 'string' && kinds.includes('number') && value.trim() !== '' && Number.isFinite(Number(value))) {
    return 'Write it without quotes.';
  }
  if (shape.pattern !== undefined) return `It must match ${shape.pattern}.`;
  return `Write ${titleOf(shape)}.`;
}
