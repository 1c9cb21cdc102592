import type { Cell } from '@relearn/contracts';
import { parseTimestamp } from '@relearn/kernel';
import { didYouMean } from '../nearest.js';
import { type ColumnType, timestampOf } from '../values.js';
import { expressionFunctions } from './functions.js';
import { parseExpression } from './parse.js';
import { type ArithmeticOperator, type ComparisonOperator, expressionError, type Node } from './syntax.js';

/** A compiled expression: from whatever holds the row to the value. */
export type Evaluate<Row> = (row: Row) => Cell;

/** How a column is read from a row; times come as milliseconds. */
export type BindColumn<Row> = (column: string) => Evaluate<Row>;

/**
 * Compiles an expression for rows given as a function from column to cell. Null goes through every operator, except
 * that `false and null` is false and `true or null` is true, and that coalesce skips it; a condition that is null
 * gives null. Division by zero, roots of negative numbers and overflow give null. With `types`, columns of type
 * timestamp may be ISO texts everywhere; without, only as inputs of functions and beside numbers.
 * Throws INVALID_PIPELINE with the column.
 */
export function compileExpression(
  text: string,
  types: Readonly<Record<string, ColumnType>> = {},
): Evaluate<(column: string) => Cell> {
  return bindExpression(text, (column) =>
    types[column] === 'timestamp' ? (row) => timestampOf(row(column)) : (row) => row(column),
  );
}

/** Compiles an expression for rows of any kind, each column bound once. Throws INVALID_PIPELINE with the column. */
export function bindExpression<Row>(text: string, bind: BindColumn<Row>): Evaluate<Row> {
  return compile(parseExpression(text), bind);
}

function compile<Row>(node: Node, bind: BindColumn<Row>): Evaluate<Row> {
  switch (node.kind) {
    case 'literal': {
      const { value } = node;
      return () => value;
    }
    case 'column':
      return bind(node.name);
    case 'negate': {
      const operand = compile(node.operand, bind);
      return (row) => {
        const value = operandOf(operand(row));
        return value === null ? null : 0 - value;
      };
    }
    case 'not': {
      const operand = compile(node.operand, bind);
      return (row) => {
        const value = operand(row);
        return typeof value === 'boolean' ? !value : null;
      };
    }
    case 'and':
      return decisive(compile(node.left, bind), compile(node.right, bind), false);
    case 'or':
      return decisive(compile(node.left, bind), compile(node.right, bind), true);
    case 'arithmetic':
      return arithmetic(arithmeticOperators[node.operator], compile(node.left, bind), compile(node.right, bind));
    case 'comparison':
      return comparison(comparisonOperators[node.operator], compile(node.left, bind), compile(node.right, bind));
    case 'choice': {
      const test = compile(node.test, bind);
      const then = compile(node.then, bind);
      const otherwise = compile(node.otherwise, bind);
      return (row) => {
        const value = test(row);
        return value === true ? then(row) : value === false ? otherwise(row) : null;
      };
    }
    case 'call':
      return call(node, bind);
  }
}

/** Kleene's logic: the deciding value wins over null. */
function decisive<Row>(left: Evaluate<Row>, right: Evaluate<Row>, deciding: boolean): Evaluate<Row> {
  return (row) => {
    const first = left(row);
    if (first === deciding) return deciding;
    const second = right(row);
    if (second === deciding) return deciding;
    return typeof first === 'boolean' && typeof second === 'boolean' ? !deciding : null;
  };
}

const arithmeticOperators: Readonly<Record<ArithmeticOperator, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
};

function arithmetic<Row>(
  compute: (a: number, b: number) => number,
  left: Evaluate<Row>,
  right: Evaluate<Row>,
): Evaluate<Row> {
  return (row) => {
    const a = operandOf(left(row));
    const b = operandOf(right(row));
    if (a === null || b === null) return null;
    const value = compute(a, b);
    return Number.isFinite(value) ? value : null;
  };
}

/** A number, or the milliseconds of an ISO text. */
function operandOf(cell: Cell): number | null {
  if (typeof cell === 'number') return cell;
  return typeof cell === 'string' ? parseTimestamp(cell) : null;
}

const comparisonOperators: Readonly<Record<ComparisonOperator, (order: number) => boolean>> = {
  '==': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

function comparison<Row>(holds: (order: number) => boolean, left: Evaluate<Row>, right: Evaluate<Row>): Evaluate<Row> {
  return (row) => {
    const order = orderOf(left(row), right(row));
    return order === null ? null : holds(order);
  };
}

/** Texts by code units, false before true; a text beside a number is a time. Null where there is no order. */
function orderOf(a: Cell, b: Cell): number | null {
  if (a === null || b === null) return null;
  if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === 'boolean' || typeof b === 'boolean') return null;
  const first = operandOf(a);
  const second = operandOf(b);
  return first === null || second === null ? null : first - second;
}

function call<Row>(node: Node & { kind: 'call' }, bind: BindColumn<Row>): Evaluate<Row> {
  const known = expressionFunctions.get(node.name);
  if (known === undefined) {
    const names = [...expressionFunctions.keys(), 'if'];
    throw expressionError(`unknown function '${node.name}'`, node.at, didYouMean(node.name, names, 'function'));
  }
  const inputs = node.inputs.map((input) => compile(input, bind));
  const { apply, seesNull = false } = known;
  // One array for all rows: no function keeps its inputs.
  const values: Cell[] = inputs.map(() => null);
  return (row) => {
    for (let index = 0; index < inputs.length; index++) {
      const value = inputs[index]?.(row) ?? null;
      if (value === null && !seesNull) return null;
      values[index] = value;
    }
    return apply(values);
  };
}
