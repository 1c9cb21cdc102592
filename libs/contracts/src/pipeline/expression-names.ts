/**
 * Names that an expression uses as columns, without parsing it: words and names in backticks outside of quoted texts, but not
 * what stands before a bracket. Enough to keep what is known only with the label away from features; the feature engine parses.
 */
export function namesIn(expression: string): string[] {
  const names: string[] = [];
  const token = /'(?:[^']|'')*'|`([^`]+)`|(?<![\w.])([A-Za-z_]\w*)(?!\w)(?!\s*\()/g;
  for (const [, quoted, word] of expression.matchAll(token)) {
    const name = quoted ?? word;
    if (name !== undefined) names.push(name);
  }
  return names;
}

const keywords: ReadonlySet<string> = new Set(['and', 'or', 'not', 'if', 'true', 'false', 'null', 'in']);

/** A column as an expression names it, in backticks where it is no plain word; undefined where no way is left to name it. */
export function columnInExpression(name: string): string | undefined {
  if (/^[A-Za-z_]\w*$/.test(name) && !keywords.has(name.toLowerCase())) return name;
  return name.includes('`') ? undefined : `\`${name}\``;
}

/** Whether an expression compares or combines truths at its outermost level: then it is true or false. */
export function isCondition(expression: string): boolean {
  const bare = expression.replace(/'(?:[^']|'')*'|`[^`]+`/g, 'x');
  let depth = 0;
  let outer = '';
  for (const char of bare) {
    if (char === '(') depth++;
    if (depth === 0) outer += char;
    if (char === ')') depth--;
  }
  if (outer.includes('?')) return false;
  if (/[<>=!]|&&|\|\||\b(and|or|not)\b/i.test(outer)) return true;
  const bracketed = /^\s*\(([\s\S]*)\)\s*$/.exec(bare);
  return outer.trim() === '' && bracketed?.[1] !== undefined && isCondition(bracketed[1]);
}
