import { defaultCandidates, defaultMetrics, defaults } from './defaults.js';
import { columnInExpression } from './expression-names.js';
import {
  checkRoles,
  type ColumnProfile,
  inferColumnType,
  type InferPipelineInput,
  profileOf,
  spanOf,
  unusable,
} from './init-columns.js';
import { type InferredLabel, inferLabel } from './init-label.js';
import { type Sizes, sizesFor } from './init-sizes.js';
import { featureNameFor, inputType } from './resolve-features.js';
import { durationText, yamlBlock, yamlList, yamlScalar } from './yaml-text.js';

const day = 86_400_000;
const longestColumnName = 128;

/**
 * Writes a pipeline file for a table: one that parses without errors and runs as it is. `notes` say what was assumed.
 * Throws INVALID_INPUT where the named columns cannot play their parts.
 */
export function inferPipeline(input: InferPipelineInput): { yaml: string; notes: string[] } {
  checkRoles(input);
  const notes: string[] = [];
  const profiles = input.profiles.filter(({ name }) => {
    const fits = name !== '' && name.length <= longestColumnName;
    if (!fits) notes.push(`The column ${JSON.stringify(name)} is left out: its name has ${name.length} characters.`);
    return fits;
  });
  const span = spanOf(profileOf(profiles, input.time, 'the event time'), 'the event time');
  const labelProfile = profileOf(profiles, input.label, 'the label');
  const labelled = labelProfile.rows - labelProfile.nulls;
  const sizes = sizesFor(labelled, span.to - span.from, defaults.performanceWindows);
  const label = inferLabel(input);
  notes.push(...label.notes);
  const features = inferFeatures(input, profiles, span.to - span.from, notes);
  if (labelled < 100) notes.push(`Only ${labelled} rows have a label: expect little of a model.`);
  const sections = [
    `# ${input.name}: predicts ${yamlScalar(input.label)} at ${yamlScalar(input.time)}. Every key is described in the JSON Schema of pipeline files.`,
    `name: ${yamlScalar(input.name)}\n`,
    sourceSection(input),
    schemaSection(input, profiles),
    labelSection(input, label, sizes, span, notes),
    featuresSection(features),
    policySections(label, sizes),
  ];
  return { yaml: sections.join('\n'), notes };
}

function sourceSection({ dataFile, time, id }: InferPipelineInput): string {
  const rows: [string, string][] = [
    ['files', yamlList([dataFile])],
    ['time', yamlScalar(time)],
  ];
  if (id.length > 0) rows.push(['id', yamlList([...new Set(id)])]);
  return `source:\n  # A row is scored at its event time.\n  rows: ${yamlBlock(rows)}\n`;
}

function schemaSection(input: InferPipelineInput, profiles: readonly ColumnProfile[]): string {
  const lines = profiles.map((profile) => `    ${yamlScalar(profile.name)}: ${columnText(input, profile)}`);
  return [
    'schema:',
    '  # A record that does not fit is quarantined. Mark each column that is known only after the event time, such as an',
    '  # outcome, with `known_at: label`: no feature may use it then.',
    '  columns:',
    ...lines,
    '',
  ].join('\n');
}

function columnText(input: InferPipelineInput, profile: ColumnProfile): string {
  const { name, nulls } = profile;
  if (name === input.time) return 'timestamp';
  const found = inferColumnType(profile);
  // Classes are compared as texts one by one: a label of texts is a category however many there are.
  const type = name === input.knownAt ? 'timestamp' : name === input.label && found === 'string' ? 'category' : found;
  const entries: [string, string][] = [['type', type]];
  if (nulls > 0 || name === input.knownAt) entries.push(['nullable', 'true']);
  if (name === input.label || name === input.knownAt) entries.push(['known_at', 'label']);
  return entries.length === 1 ? type : yamlBlock(entries);
}

function labelSection(
  input: InferPipelineInput,
  label: InferredLabel,
  sizes: Sizes,
  span: { readonly from: number; readonly to: number },
  notes: string[],
): string {
  const lines = ['label:', `  column: ${yamlScalar(input.label)}`];
  if (input.knownAt !== undefined) {
    const known = spanOf(
      profileOf(input.profiles, input.knownAt, "the label's known-at time"),
      "the label's known-at time",
    );
    // The delay of single rows is not in a profile: how far the two columns' ends lie apart says about how large it is.
    const typical = Math.max(0, known.to - span.to, known.from - span.from);
    lines.push('  # When the label became known; empty: never.', `  known_at: ${yamlScalar(input.knownAt)}`);
    lines.push('  # A label that is not known by then after its row counts as missing.');
    lines.push(`  max_delay: ${durationText(roundUp(Math.max(10 * typical, 7 * sizes.window), sizes.window))}`);
  } else {
    const delay = input.labelDelayMs ?? 0;
    if (input.labelDelayMs === undefined) {
      notes.push(
        'The label is taken to be known at the event time itself (delay 0s). --known-at COL or --label-delay 1d says otherwise.',
      );
    }
    lines.push('  # The label is known this long after the event time.', `  delay: ${durationText(delay)}`);
    lines.push('  # A label that is not known by then after its row counts as missing.');
    lines.push(`  max_delay: ${durationText(Math.max(2 * delay, sizes.window))}`);
  }
  if (label.classes.length > 0) {
    if (label.task === 'binary') lines.push('  # The second is the positive class.');
    lines.push(`  classes: ${yamlList(label.classes)}`);
  }
  return `${lines.join('\n')}\n`;
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

interface Feature {
  readonly name: string;
  readonly column?: string;
  readonly expression?: string;
}

function inferFeatures(
  input: InferPipelineInput,
  profiles: readonly ColumnProfile[],
  spanMs: number,
  notes: string[],
): Feature[] {
  const { time, label, knownAt, id } = input;
  const taken = new Set<string>();
  const features: Feature[] = [];
  const add = (wish: string, rest: Omit<Feature, 'name'>) => {
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

function featuresSection(features: readonly Feature[]): string {
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

function policySections({ task }: InferredLabel, sizes: Sizes): string {
  const candidates = defaultCandidates[task].map(({ trainer, parameters }) => {
    const entries: [string, string][] = Object.entries(parameters).map(([key, values]) => [key, yamlList(values)]);
    const rest: [string, string][] = entries.length === 0 ? [] : [['parameters', yamlBlock(entries)]];
    return `    - ${yamlBlock([['trainer', trainer], ...rest])}`;
  });
  return `train:
  task: ${task}
  # Labelled rows from which on a first model is trained.
  minimum_rows: ${sizes.minimumRows}
  # Each is tried, a list of values one by one; the best goes on.
  candidates:
${candidates.join('\n')}

evaluate:
  # The first metric chooses, compares and is monitored. { name: ..., minimum: ... } sets a limit.
  metrics: [${defaultMetrics[task]}]

monitor:
  window: ${durationText(sizes.window)}
  performance: { windows: ${defaults.performanceWindows}, minimum_labels: ${sizes.performanceLabels} }

retrain:
  # No retrain within this time of the last one, nor with fewer new labels.
  cooldown: ${durationText(sizes.cooldown)}
  minimum_labels: ${sizes.retrainLabels}
  budget: { turns: ${defaults.budget.turns}, per: ${durationText(sizes.budgetPer)} }
`;
}
