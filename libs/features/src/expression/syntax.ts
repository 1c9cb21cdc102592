import type { Cell } from '@relearn/contracts';
import { RelearnError } from '@relearn/kernel';

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%';
export type ComparisonOperator = '==' | '!=' | '<' | '<=' | '>' | '>=';

/** A parsed expression; `at` is the offset of the part in the text, from 0. */
export type Node =
  | { readonly kind: 'literal'; readonly value: Cell; readonly at: number }
  | { readonly kind: 'column'; readonly name: string; readonly at: number }
  | { readonly kind: 'negate' | 'not'; readonly operand: Node; readonly at: number }
  | {
      readonly kind: 'arithmetic';
      readonly operator: ArithmeticOperator;
      readonly left: Node;
      readonly right: Node;
      readonly at: number;
    }
  | {
      readonly kind: 'comparison';
      readonly operator: ComparisonOperator;
      readonly left: Node;
      readonly right: Node;
      readonly at: number;
    }
  | { readonly kind: 'and' | 'or'; readonly left: Node; readonly right: Node; readonly at: number }
  | {
      readonly kind: 'choice';
      readonly test: Node;
      readonly then: Node;
      readonly otherwise: Node;
      readonly at: number;
    }
  | { readonly kind: 'call'; readonly name: string; readonly inputs: readonly Node[]; readonly at: number };

/** INVALID_PIPELINE that names the column in the expression, from 1. */
export function expressionError(message: string, at: number, remedy?: string): RelearnError {
  const options = { place: { column: at + 1 }, ...(remedy === undefined ? {} : { remedy }) };
  return new RelearnError('INVALID_PIPELINE', `${message} at column ${at + 1} of the expression`, options);
}
