import { parseTimestamp } from '@relearn/kernel';
import { didYouMean } from '../nearest.js';
import type { ColumnType } from '../values.js';
import { type ExpressionType, expressionFunctions } from './functions.js';
import { parseExpression } from './parse.js';
import { expressionError, type Node } from './syntax.js';

export interface CheckedExpression {
  readonly type: ExpressionType;
  /** The columns it reads, each once, in the order of their first use. */
  readonly columns: string[];
}

/** `null` is the type of the literal null, which goes with every other. */
type Type = ExpressionType | 'null';

const typeOfColumn: Readonly<Record<ColumnType, ExpressionType>> = {
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
  category: 'string',
  string: 'string',
  timestamp: 'timestamp',
};

/**
 * Parses an expression and checks its types against the declared columns.
 * Throws INVALID_PIPELINE with the column in the expression, and a remedy where a name is nearly right.
 */
export function checkExpression(text: string, columns: Readonly<Record<string, ColumnType>>): CheckedExpression {
  const node = parseExpression(text);
  const checker = new Checker(columns);
  const type = checker.typeOf(node);
  if (type === 'null') throw expressionError('the expression is always null', node.at);
  return { type, columns: [...checker.used] };
}

class Checker {
  readonly used = new Set<string>();
  private readonly columns: ReadonlyMap<string, ColumnType>;

  constructor(columns: Readonly<Record<string, ColumnType>>) {
    this.columns = new Map(Object.entries(columns));
  }

  typeOf(node: Node): Type {
    switch (node.kind) {
      case 'literal':
        if (node.value === null) return 'null';
        return typeof node.value === 'number' ? 'number' : typeof node.value === 'boolean' ? 'boolean' : 'string';
      case 'column':
        return this.column(node.name, node.at);
      case 'negate':
        this.expect(node.operand, 'number', "'-'");
        return 'number';
      case 'not':
        this.expect(node.operand, 'boolean', 'not');
        return 'boolean';
      case 'and':
      case 'or':
        this.expect(node.left, 'boolean', node.kind);
        this.expect(node.right, 'boolean', node.kind);
        return 'boolean';
      case 'arithmetic':
        return this.arithmetic(node);
      case 'comparison':
        return this.comparison(node);
      case 'choice':
        this.expect(node.test, 'boolean', 'the condition');
        return this.same([node.then, node.otherwise], 'the two outcomes');
      case 'call':
        return this.call(node);
    }
  }

  private column(name: string, at: number): Type {
    const type = this.columns.get(name);
    if (type === undefined) {
      throw expressionError(`unknown column '${name}'`, at, didYouMean(name, [...this.columns.keys()], 'column'));
    }
    this.used.add(name);
    return typeOfColumn[type];
  }

  private expect(node: Node, wanted: ExpressionType, who: string): void {
    const type = this.typeOf(node);
    if (type !== wanted && type !== 'null') throw expressionError(`${who} needs a ${wanted}, not a ${type}`, node.at);
  }

  /** Times differ by a number of milliseconds; a number added to a time or taken from it is a time. */
  private arithmetic(node: Node & { kind: 'arithmetic' }): Type {
    const left = this.typeOf(node.left);
    const right = this.typeOf(node.right);
    const { operator, at } = node;
    if (operator === '-' && left === 'timestamp' && right === 'timestamp') return 'number';
    if ((operator === '-' || operator === '+') && left === 'timestamp' && right === 'number') return 'timestamp';
    if (operator === '+' && left === 'number' && right === 'timestamp') return 'timestamp';
    const plain = (type: Type) => type === 'number' || type === 'null';
    if (plain(left) && plain(right)) return 'number';
    const remedy =
      left === 'string' || right === 'string'
        ? 'Join texts with concat(a, b).'
        : left === 'boolean' || right === 'boolean'
          ? 'Turn a condition into a number with if(condition, 1, 0).'
          : undefined;
    throw expressionError(`'${operator}' does not take ${left} and ${right}`, at, remedy);
  }

  private comparison(node: Node & { kind: 'comparison' }): Type {
    const left = this.typeOf(node.left);
    const right = this.typeOf(node.right);
    const { operator, at } = node;
    if (left === 'null' || right === 'null') {
      throw expressionError('a comparison with null is always null', at, 'Replace nulls first: coalesce(column, 0).');
    }
    const times = this.isTime(node.left, left) && this.isTime(node.right, right);
    if (left !== right && !times) throw expressionError(`'${operator}' does not compare ${left} with ${right}`, at);
    if (left === 'boolean' && operator !== '==' && operator !== '!=') {
      throw expressionError(`'${operator}' does not order booleans`, at);
    }
    return 'boolean';
  }

  /** A text literal stands for a time beside a time: `departed > '2024-01-01'`. */
  private isTime(node: Node, type: Type): boolean {
    if (type === 'timestamp') return true;
    return node.kind === 'literal' && typeof node.value === 'string' && parseTimestamp(node.value) !== null;
  }

  private same(nodes: readonly Node[], who: string): Type {
    let type: Type = 'null';
    for (const node of nodes) {
      const next = this.typeOf(node);
      if (next !== 'null' && type !== 'null' && next !== type) {
        throw expressionError(`${who} must have one type, not ${type} and ${next}`, node.at);
      }
      if (next !== 'null') type = next;
    }
    return type;
  }

  private call(node: Node & { kind: 'call' }): Type {
    const known = expressionFunctions.get(node.name);
    if (known === undefined) {
      const names = [...expressionFunctions.keys(), 'if'];
      throw expressionError(`unknown function '${node.name}'`, node.at, didYouMean(node.name, names, 'function'));
    }
    const { length } = node.inputs;
    if (length < known.atLeast || length > known.atMost) {
      const wanted = known.atLeast === known.atMost ? `${known.atLeast}` : `${known.atLeast} or more`;
      throw expressionError(`${node.name} takes ${wanted} input(s), not ${length}`, node.at);
    }
    if (known.result === 'same') return this.same(node.inputs, `the inputs of ${node.name}`);
    for (const input of node.inputs) {
      if (known.input === 'any') this.typeOf(input);
      else this.expect(input, known.input, node.name);
    }
    return known.result;
  }
}
