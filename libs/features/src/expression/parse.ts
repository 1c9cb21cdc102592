import { type ArithmeticOperator, type ComparisonOperator, expressionError, type Node } from './syntax.js';
import { type Token, tokenize } from './tokens.js';

const longestText = 4_000;
const deepestNesting = 100;

const comparisons: Readonly<Record<string, ComparisonOperator>> = {
  '==': '==',
  '=': '==',
  '!=': '!=',
  '<>': '!=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
};
const sums: Readonly<Record<string, ArithmeticOperator>> = { '+': '+', '-': '-' };
const products: Readonly<Record<string, ArithmeticOperator>> = { '*': '*', '/': '/', '%': '%' };
const reserved = new Set(['and', 'or', 'not', 'true', 'false', 'null']);

/**
 * Parses an expression. From the loosest binding: `c ? a : b`; `or` `||`; `and` `&&`; `not`; one comparison; `+ -`;
 * `* / %`; unary `- !`. Throws INVALID_PIPELINE with the column.
 */
export function parseExpression(text: string): Node {
  if (text.length > longestText) throw expressionError(`longer than ${longestText} characters`, longestText);
  return new Parser(tokenize(text)).whole();
}

class Parser {
  private readonly tokens: readonly Token[];
  private position = 0;
  private depth = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  whole(): Node {
    const node = this.expression();
    const rest = this.peek();
    if (rest.kind !== 'end') throw expressionError(`unexpected '${rest.text}'`, rest.at);
    return node;
  }

  private expression(): Node {
    const test = this.or();
    const mark = this.peek();
    if (!this.takeSymbol('?')) return test;
    const then = this.nested(() => this.expression());
    this.expect(':');
    const otherwise = this.nested(() => this.expression());
    return { kind: 'choice', test, then, otherwise, at: mark.at };
  }

  private or(): Node {
    let left = this.and();
    for (let mark = this.peek(); this.takeWord('or', '||'); mark = this.peek()) {
      left = { kind: 'or', left, right: this.and(), at: mark.at };
    }
    return left;
  }

  private and(): Node {
    let left = this.not();
    for (let mark = this.peek(); this.takeWord('and', '&&'); mark = this.peek()) {
      left = { kind: 'and', left, right: this.not(), at: mark.at };
    }
    return left;
  }

  private not(): Node {
    const mark = this.peek();
    if (mark.kind !== 'name' || mark.text !== 'not') return this.comparison();
    this.position += 1;
    return { kind: 'not', operand: this.nested(() => this.not()), at: mark.at };
  }

  private comparison(): Node {
    const left = this.sum();
    const mark = this.peek();
    const operator = this.takeOperator(comparisons);
    if (operator === undefined) return left;
    const node: Node = { kind: 'comparison', operator, left, right: this.sum(), at: mark.at };
    const next = this.peek();
    if (next.kind === 'symbol' && comparisons[next.text] !== undefined) {
      throw expressionError('comparisons do not chain', next.at, 'Join two comparisons with `and`.');
    }
    return node;
  }

  private sum(): Node {
    let left = this.product();
    for (;;) {
      const mark = this.peek();
      const operator = this.takeOperator(sums);
      if (operator === undefined) return left;
      left = { kind: 'arithmetic', operator, left, right: this.product(), at: mark.at };
    }
  }

  private product(): Node {
    let left = this.unary();
    for (;;) {
      const mark = this.peek();
      const operator = this.takeOperator(products);
      if (operator === undefined) return left;
      left = { kind: 'arithmetic', operator, left, right: this.unary(), at: mark.at };
    }
  }

  private unary(): Node {
    const mark = this.peek();
    if (this.takeSymbol('-')) return { kind: 'negate', operand: this.nested(() => this.unary()), at: mark.at };
    if (this.takeSymbol('!')) return { kind: 'not', operand: this.nested(() => this.unary()), at: mark.at };
    return this.primary();
  }

  private primary(): Node {
    const token = this.peek();
    this.position += 1;
    if (token.kind === 'number') return { kind: 'literal', value: this.finite(token), at: token.at };
    if (token.kind === 'string') return { kind: 'literal', value: token.text, at: token.at };
    if (token.kind === 'column') return { kind: 'column', name: token.text, at: token.at };
    if (token.kind === 'name') return this.named(token);
    if (token.kind === 'symbol' && token.text === '(') {
      const inner = this.nested(() => this.expression());
      this.expect(')');
      return inner;
    }
    throw expressionError(token.kind === 'end' ? 'a value is missing' : `unexpected '${token.text}'`, token.at);
  }

  private finite(token: Token): number {
    const value = Number(token.text);
    if (!Number.isFinite(value)) throw expressionError(`'${token.text}' is too large`, token.at);
    return value;
  }

  private named(token: Token): Node {
    const { text, at } = token;
    if (text === 'true' || text === 'false') return { kind: 'literal', value: text === 'true', at };
    if (text === 'null') return { kind: 'literal', value: null, at };
    if (reserved.has(text)) throw expressionError(`unexpected '${text}'`, at);
    if (!this.takeSymbol('(')) return { kind: 'column', name: text, at };
    const inputs: Node[] = [];
    if (!this.takeSymbol(')')) {
      do inputs.push(this.nested(() => this.expression()));
      while (this.takeSymbol(','));
      this.expect(')');
    }
    if (text !== 'if') return { kind: 'call', name: text, inputs, at };
    const [test, then, otherwise] = inputs;
    if (test === undefined || then === undefined || otherwise === undefined || inputs.length > 3) {
      throw expressionError(`if takes 3 inputs, not ${inputs.length}`, at, 'Write if(condition, then, otherwise).');
    }
    return { kind: 'choice', test, then, otherwise, at };
  }

  private nested(parse: () => Node): Node {
    this.depth += 1;
    if (this.depth > deepestNesting) throw expressionError('nested too deep', this.peek().at);
    const node = parse();
    this.depth -= 1;
    return node;
  }

  private peek(): Token {
    return this.tokens[this.position] ?? { kind: 'end', text: '', at: 0 };
  }

  private takeSymbol(text: string): boolean {
    const token = this.peek();
    if (token.kind !== 'symbol' || token.text !== text) return false;
    this.position += 1;
    return true;
  }

  private takeWord(word: string, symbol: string): boolean {
    const token = this.peek();
    if (token.kind !== 'name' || token.text !== word) return this.takeSymbol(symbol);
    this.position += 1;
    return true;
  }

  private takeOperator<T>(operators: Readonly<Record<string, T>>): T | undefined {
    const token = this.peek();
    const operator = token.kind === 'symbol' ? operators[token.text] : undefined;
    if (operator !== undefined) this.position += 1;
    return operator;
  }

  private expect(symbol: string): void {
    const token = this.peek();
    if (this.takeSymbol(symbol)) return;
    throw expressionError(`'${symbol}' is missing`, token.at);
  }
}
