import { columnInExpression } from './expression-names.js';
import { type ColumnProfile, inferColumnType, type InferPipelineInput, profileOf, unusable } from './init-columns.js';
import { featureNameFor, inputType } from './resolve-features.js';
import { yamlBlock, yamlList, yamlScalar } from './yaml-text.js';

const day = 86_400_000;

/** A model input: a column, or an expression. */
export interface InferredFeature {
  readonly name: string;
  readonly column?: string;
  readonly expression?: string;
}

/** Every column that can be a model input and is known in time; what is left out is said in `notes`. */
export function inferFeatures(
  input: InferPipelineInput,
  profiles: readonly ColumnProfile[],
  spanMs: number,
  notes: string[],
): InferredFeature[] {
  const { time, label, knownAt, id } = input;
  const taken = new Set<string>();
  const features: InferredFeature[] = [];
  const add = (wish: string, rest: Omit<InferredFeature, 'name'>) => {
    const name = featureNameFor(wish, taken);
    taken.add(name);
    features.push({ name, ...rest });
  };
  const unvarying: string[] = [];
  const texts: string[] = [];
  for (const profile of profiles) {
    const { name, distinct, nulls } = profile;
    if (name === time || name === label || name === knownAt || id.includes(name)) continue;
    const type = inferColumnType(profile);
    if (type === 'string') texts.push(name);
    else if (inputType(type) === undefined) continue;
    else if (distinct === 0 || (distinct === 1 && nulls === 0)) unvarying.push(name);
    else add(name, { column: name });
  }
  if (texts.length > 0) notes.push(`Texts of too many kinds for a model are left out: ${yamlList(texts)}.`);
  if (unvarying.length > 0) notes.push(`Columns with one value only are left out: ${yamlList(unvarying)}.`);
  for (const [part, expression] of timeFeatures(profileOf(profiles, time, 'the event time'), spanMs))
    add(part, { expression });
  if (features.length === 0) {
    throw unusable('no column is left as a model input', 'Give data with columns besides time, id and label.');
  }
  return features;
}

/** Hour and weekday of the event time, where the data goes through them often enough to learn from. */
function timeFeatures({ name, topValues }: ColumnProfile, spanMs: number): [string, string][] {
  const column = columnInExpression(name);
  if (column === undefined) return [];
  const dates = topValues.every(({ value }) => /^[\d-]+([T ]00:00(:00(\.0+)?)?Z?)?$/.test(String(value)));
  const parts: [string, string][] = [];
  if (!dates && spanMs >= 2 * day) parts.push(['hour', `hour(${column})`]);
  if (spanMs >= 14 * day) parts.push(['day_of_week', `day_of_week(${column})`]);
  return parts;
}

/** `features` as the file writes them. */
export function featuresSection(features: readonly InferredFeature[]): string {
  const lines = features.map(({ name, column, expression }) => {
    if (name === column) return `  - ${yamlScalar(column)}`;
    const how: [string, string] =
      column === undefined ? ['expression', yamlScalar(expression ?? '')] : ['column', yamlScalar(column)];
    return `  - ${yamlBlock([['name', yamlScalar(name)], how])}`;
  });
  return [
    '# What the model sees. Windows over earlier rows and labels often help most:',
    '#   - { name: recent_mean, aggregate: mean, of: label, by: [COLUMN], window: 1d }',
    '# A column whose name is no plain word stands in backticks in an expression: hour(`my column`).',
    'features:',
    ...lines,
    '',
  ].join('\n');
}
