import { expressionError } from './syntax.js';

export interface Token {
  readonly kind: 'number' | 'string' | 'name' | 'column' | 'symbol' | 'end';
  readonly text: string;
  readonly at: number;
}

const patterns: readonly (readonly [Token['kind'], RegExp])[] = [
  ['number', /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y],
  ['name', /[A-Za-z_][A-Za-z0-9_]*/y],
  ['string', /'(?:[^']|'')*'/y],
  ['column', /`[^`]+`/y],
  ['symbol', /==|!=|<>|<=|>=|&&|\|\||[=<>+\-*/%!?:(),]/y],
];

const space = /\s*/y;

/** Splits an expression into tokens; quotes and doubled quotes are resolved. Throws INVALID_PIPELINE. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = skipSpace(text, 0);
  while (at < text.length) {
    const token = tokenAt(text, at);
    const end = at + token.text.length;
    if (token.kind === 'number' && /[A-Za-z0-9_.]/.test(text[end] ?? '')) {
      throw expressionError(`'${text.slice(at, end + 1)}' is not a number`, at);
    }
    tokens.push({ ...token, text: unquote(token) });
    at = skipSpace(text, end);
  }
  tokens.push({ kind: 'end', text: '', at: text.length });
  return tokens;
}

function skipSpace(text: string, at: number): number {
  space.lastIndex = at;
  return at + (space.exec(text)?.[0].length ?? 0);
}

function tokenAt(text: string, at: number): Token {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) return { kind, text: match[0], at };
  }
  const wrong = text[at] ?? '';
  if (wrong === "'" || wrong === '`') throw expressionError(`${wrong} is never closed`, at);
  const remedy =
    wrong === '"' ? "Write texts in single quotes ('a') and odd column names in backticks (`a b`)." : undefined;
  throw expressionError(`unexpected character '${wrong}'`, at, remedy);
}

function unquote(token: Token): string {
  if (token.kind === 'string') return token.text.slice(1, -1).replaceAll("''", "'");
  return token.kind === 'column' ? token.text.slice(1, -1) : token.text;
}
