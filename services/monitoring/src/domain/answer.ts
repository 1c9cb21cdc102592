import type { Columns } from '@relearn/contracts';
import type { Answer } from '@relearn/stats';

/**
 * A model's answer for a row: the probability of the second class, one probability a class, or the value; NaN where that is no
 * number, null where none of these outputs was asked for.
 */
export function answerIn(outputs: Columns, row: number): Answer | null {
  const names = Object.keys(outputs);
  const number = (name: string) => {
    const value = outputs[name]?.[row];
    return typeof value === 'number' ? value : Number.NaN;
  };
  const several = names.filter((name) => name.startsWith('probabilities['));
  if (several.length > 0) return several.map(number);
  const one = names.includes('probability') ? 'probability' : 'prediction';
  return names.includes(one) ? number(one) : null;
}
