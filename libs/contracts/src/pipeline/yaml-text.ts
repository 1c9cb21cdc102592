/** Words that some reader of YAML takes for something else than a text. */
const special = /^(true|false|null|yes|no|on|off|y|n)$/i;

/** A value as YAML writes it, in quotes where the plain form would be read as something else. */
export function yamlScalar(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value);
  const plain = /^[A-Za-z_](?:[\w ./()+-]*[\w./()+-])?$/.test(value) && !special.test(value);
  return plain ? value : JSON.stringify(value);
}

/** `[a, b]` */
export function yamlList(values: readonly (string | number | boolean)[]): string {
  return `[${values.map(yamlScalar).join(', ')}]`;
}

/** `{ a: 1, b: [x] }`; the values are written already. */
export function yamlBlock(entries: readonly (readonly [string, string])[]): string {
  return `{ ${entries.map(([key, value]) => `${key}: ${value}`).join(', ')} }`;
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

/** A duration as the file writes it, such as `1d12h`; whole milliseconds. */
export function durationText(ms: number): string {
  let rest = Math.round(ms);
  let text = '';
  for (const [unit, size] of units) {
    const amount = Math.floor(rest / size);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * size;
  }
  return text === '' ? '0s' : text;
}
