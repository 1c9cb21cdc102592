/**
 * Names that an expression uses as columns, without parsing it: words and names in backticks outside of quoted texts, but not
 * what stands before a bracket. Enough to keep what is known only with the label away from features; the feature engine parses.
 */
export function namesIn(expression: string): string[] {
  const names: string[] = [];
  const token = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`([^`]*)`|([A-Za-z_][A-Za-z0-9_]*)(?!\w)(?!\s*\()/g;
  for (const [, quoted, word] of expression.matchAll(token)) {
    const name = quoted ?? word;
    if (name !== undefined) names.push(name);
  }
  return names;
}

/** A column's name as an expression must write it. */
export function columnInExpression(name: string): string {
  return isIdentifier(name) ? name : `\`${name}\``;
}

export function isIdentifier(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

/** Whether an expression compares or combines truths at its outermost level: then it is true or false. */
export function isCondition(expression: string): boolean {
  const bare = expression.replace(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`/g, 'x');
  let depth = 0;
  let outer = '';
  for (const char of bare) {
    if (char === '(') depth++;
    if (depth === 0) outer += char;
    if (char === ')') depth--;
  }
  if (/[<>]|[=!]=|&&|\|\||!|(^|[^=])=([^=]|$)|\b(and|or|not|in)\b/.test(outer)) return true;
  const bracketed = /^\s*\(([\s\S]*)\)\s*$/.exec(bare);
  return outer.trim() === '' && bracketed?.[1] !== undefined && isCondition(bracketed[1]);
}
