import { defaultCandidates, defaultMetrics, defaults } from './defaults.js';
import {
  checkRoles,
  type ColumnProfile,
  inferColumnType,
  type InferPipelineInput,
  profileOf,
  type Span,
  spanOf,
} from './init-columns.js';
import { featuresSection, inferFeatures } from './init-features.js';
import { type InferredLabel, inferLabel } from './init-label.js';
import { type Sizes, sizesFor } from './init-sizes.js';
import { durationText, yamlBlock, yamlList, yamlScalar } from './yaml-text.js';

const longestColumnName = 128;
/** A tenth of the history: long enough for a figure, short enough to see a change while it matters. */
const performanceWindows = 5;

/**
 * Writes a pipeline file for a table: one that parses without errors and runs as it is. `notes` say what was assumed.
 * Throws INVALID_INPUT where the named columns cannot play their parts.
 */
export function inferPipeline(input: InferPipelineInput): { yaml: string; notes: string[] } {
  const notes: string[] = [];
  const profiles = input.profiles.filter(({ name }) => {
    const fits = name !== '' && name.length <= longestColumnName && name !== '__proto__';
    if (!fits)
      notes.push(`The column ${JSON.stringify(name)} is left out: no column of a pipeline can have that name.`);
    return fits;
  });
  checkRoles({ ...input, profiles });
  const span = spanOf(profileOf(profiles, input.time, 'the event time'), 'the event time', input.times?.time);
  notes.push(...timeNotes(input));
  const labelProfile = profileOf(profiles, input.label, 'the label');
  const labelled = labelProfile.rows - labelProfile.nulls;
  const sizes = sizesFor(labelled, span.length, performanceWindows);
  const label = inferLabel(input);
  notes.push(...label.notes);
  const features = inferFeatures(input, profiles, span.length, notes);
  notes.push(
    'Check that each feature is known at the event time; mark what is known only later with `known_at: label`.',
  );
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

function timeNotes({ time, knownAt, times }: InferPipelineInput): string[] {
  const told = [[time, times?.time, 'left out'] as const, [knownAt, times?.known, 'never labelled'] as const];
  return told.flatMap(([name, of, fate]) =>
    name === undefined || of === undefined || of.unreadable === 0
      ? []
      : [`${of.unreadable} rows whose '${name}' is no time are ${fate}.`],
  );
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
  span: Span,
  notes: string[],
): string {
  const lines = ['label:', `  column: ${yamlScalar(input.label)}`];
  if (input.knownAt !== undefined) {
    const known = spanOf(
      profileOf(input.profiles, input.knownAt, "the label's known-at time"),
      "the label's known-at time",
      input.times?.known,
    );
    const maxDelay = maxDelayFor(input, known, span, sizes.window);
    lines.push('  # When the label became known; empty: never.', `  known_at: ${yamlScalar(input.knownAt)}`);
    lines.push('  # A label that is not known by then after its row counts as missing.');
    lines.push(`  max_delay: ${durationText(maxDelay)}`);
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

/**
 * Twice what 99 % of the labels take. Where the delays of single rows are not given, how far the ends of the two columns lie apart says about how large it is.
 * Where some labels never come, a longer wait for them holds every report up, and there is less to spare.
 */
function maxDelayFor({ label, profiles, times }: InferPipelineInput, known: Span, span: Span, window: number): number {
  if (times?.delay !== undefined) {
    const { p99, max } = times.delay;
    return Math.max(1, Math.ceil(Math.min(max, 2 * p99) / window)) * window;
  }
  const complete = known.complete && profileOf(profiles, label, 'the label').nulls === 0;
  const typical = Math.max(0, known.to - span.to, known.from - span.from);
  const wanted = complete ? Math.max(10 * typical, 7 * window) : Math.max(4 * typical, window);
  return Math.ceil(wanted / window) * window;
}

function policySections({ task }: InferredLabel, sizes: Sizes): string {
  const { trainWindow } = sizes;
  const candidates = defaultCandidates[task].map(({ trainer, parameters }) => {
    const entries: [string, string][] = Object.entries(parameters).map(([key, values]) => [key, yamlList(values)]);
    const rest: [string, string][] = entries.length === 0 ? [] : [['parameters', yamlBlock(entries)]];
    return `    - ${yamlBlock([['trainer', trainer], ...rest])}`;
  });
  return `train:
  task: ${task}
  # Older rows are not trained on; all: none is too old.
  window: ${trainWindow === null ? 'all' : durationText(trainWindow)}
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
  performance: { windows: ${performanceWindows}, minimum_labels: ${sizes.performanceLabels} }

retrain:
  # No retrain within this time of the last one, nor with fewer new labels.
  cooldown: ${durationText(sizes.cooldown)}
  minimum_labels: ${sizes.retrainLabels}
  budget: { turns: ${defaults.budget.turns}, per: ${durationText(sizes.budgetPer)} }
`;
}
