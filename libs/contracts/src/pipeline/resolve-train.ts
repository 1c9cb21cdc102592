import { parseDuration } from '@relearn/kernel';
import { commonParameters, type ParameterFacts, type PipelineCatalog } from './catalog.js';
import { defaultCandidates, defaultMetrics, defaults } from './defaults.js';
import { suggest } from './did-you-mean.js';
import type { FileCandidate } from './file-policy.js';
import type { PipelineFile } from './file-schema.js';
import type { Path } from './problems.js';
import type { Report } from './resolve-columns.js';
import type { CandidateSpec, EvaluateSpec, Task, TrainSpec } from './spec.js';

const mostCandidates = 64;

export interface ResolvedTrain {
  readonly train: TrainSpec;
  /** For each candidate the index of the file's candidate that it comes from. */
  readonly origins: readonly number[];
}

/** `train` with its defaults; parameter lists become one candidate for each combination. */
export function resolveTrain(file: PipelineFile, task: Task, catalog: PipelineCatalog, report: Report): ResolvedTrain {
  const train = file.train ?? {};
  const written: readonly FileCandidate[] = train.candidates ?? defaultCandidates[task];
  const expanded: { candidate: CandidateSpec; origin: number }[] = [];
  written.forEach((candidate, origin) => {
    const path = ['train', 'candidates', origin];
    if (train.candidates !== undefined) checkCandidate(candidate, task, catalog, path, report);
    for (const parameters of combinations(candidate.parameters ?? {})) {
      const { trainer, name = trainer } = candidate;
      if (expanded.length <= mostCandidates) expanded.push({ candidate: { name, trainer, parameters }, origin });
    }
  });
  if (expanded.length > mostCandidates) {
    report(
      ['train', 'candidates'],
      `there are more than ${mostCandidates} candidates`,
      'Shorten the lists of parameters.',
    );
  }
  checkRepeats(expanded, report);
  const window = train.window ?? 'all';
  return {
    train: {
      task,
      window: window === 'all' ? null : parseDuration(window),
      hold_out: train.hold_out ?? defaults.holdOut,
      validation: train.validation ?? defaults.validation,
      minimum_rows: train.minimum_rows ?? defaults.minimumRows,
      seed: train.seed ?? defaults.seed,
      deadline: parseDuration(train.deadline ?? defaults.deadline),
      candidates: withUniqueNames(expanded.map(({ candidate }) => candidate)),
    },
    origins: expanded.map(({ origin }) => origin),
  };
}

function checkCandidate(
  candidate: FileCandidate,
  task: Task,
  catalog: PipelineCatalog,
  path: Path,
  report: Report,
): void {
  const { trainer, parameters = {} } = candidate;
  const facts = Object.hasOwn(catalog.trainers, trainer) ? catalog.trainers[trainer] : undefined;
  if (facts === undefined) {
    const remedy = suggest(trainer, Object.keys(catalog.trainers), 'Trainers');
    report([...path, 'trainer'], `there is no trainer '${trainer}'`, remedy);
    return;
  }
  if (!facts.tasks.includes(task)) {
    const others = Object.keys(catalog.trainers).filter((name) => catalog.trainers[name]?.tasks.includes(task));
    report(
      [...path, 'trainer'],
      `the trainer '${trainer}' does no ${task}`,
      `Trainers for ${task}: ${others.join(', ')}.`,
    );
  }
  const taken: Readonly<Record<string, ParameterFacts>> = { ...facts.parameters, ...commonParameters };
  const allowed = Object.keys(taken);
  for (const [parameter, given] of Object.entries(parameters)) {
    const at = [...path, 'parameters', parameter];
    const known = Object.hasOwn(taken, parameter) ? taken[parameter] : undefined;
    if (known === undefined) {
      const remedy = suggest(parameter, allowed, 'Its parameters');
      report(at, `the trainer '${trainer}' has no parameter '${parameter}'`, remedy, 'key');
    } else if (Array.isArray(given)) {
      given.forEach((value, i) => checkParameter(value, known, [...at, i], report));
    } else checkParameter(given, known, at, report);
  }
}

function checkParameter(value: unknown, facts: ParameterFacts, path: Path, report: Report): void {
  const { type, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = facts;
  const article = type === 'integer' ? 'an' : 'a';
  const whole = type !== 'integer' || Number.isInteger(value);
  if (typeof value !== (type === 'integer' ? 'number' : type) || !whole) {
    report(path, `${JSON.stringify(value)} is not ${article} ${type}`, `Write ${article} ${type}.`);
  } else if (typeof value === 'number' && (value < min || value > max)) {
    report(path, `${value} is out of range`, `Write ${article} ${type} from ${min} to ${max}.`);
  }
}

type Parameters = CandidateSpec['parameters'];

/** Every choice of one value from each list, the last list fastest; cut off where there are far too many. */
function combinations(parameters: NonNullable<FileCandidate['parameters']>): Parameters[] {
  let all: Parameters[] = [{}];
  for (const [name, given] of Object.entries(parameters)) {
    const values = Array.isArray(given) ? given : [given];
    all = all.flatMap((chosen) => values.map((value) => ({ ...chosen, [name]: value }))).slice(0, mostCandidates + 1);
  }
  return all;
}

function checkRepeats(expanded: readonly { candidate: CandidateSpec; origin: number }[], report: Report): void {
  const seen = new Set<string>();
  for (const { candidate, origin } of expanded) {
    const { trainer, parameters } = candidate;
    const key = JSON.stringify([trainer, Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1))]);
    if (seen.has(key)) {
      report(['train', 'candidates', origin], 'this candidate stands twice', 'Remove one, or change a parameter.');
    }
    seen.add(key);
  }
}

/** `boosting` where it is the only one of that name, `boosting(max_leaves=31)` where several differ in that parameter. */
function withUniqueNames(candidates: readonly CandidateSpec[]): CandidateSpec[] {
  const taken = new Set<string>();
  return candidates.map((candidate) => {
    const peers = candidates.filter(({ name }) => name === candidate.name);
    const differing = Object.entries(candidate.parameters).filter(([parameter, value]) =>
      peers.some((peer) => peer.parameters[parameter] !== value),
    );
    const detail = differing.map(([parameter, value]) => `${parameter}=${String(value)}`).join(',');
    const base = detail === '' ? candidate.name : `${candidate.name}(${detail})`;
    let name = base;
    for (let i = 2; taken.has(name); i++) name = `${base}#${i}`;
    taken.add(name);
    return { ...candidate, name };
  });
}

/** `evaluate` with its defaults. */
export function resolveEvaluate(
  file: PipelineFile,
  task: Task,
  catalog: PipelineCatalog,
  report: Report,
): EvaluateSpec {
  const { metrics, champion = {}, max_bytes, max_latency_ms } = file.evaluate ?? {};
  const resolved = (metrics ?? [defaultMetrics[task]]).map((metric) =>
    typeof metric === 'string' ? { name: metric } : metric,
  );
  resolved.forEach((metric, i) => {
    const item = ['evaluate', 'metrics', i];
    const path = typeof metrics?.[i] === 'object' ? [...item, 'name'] : item;
    checkMetric(metric.name, task, catalog, path, report);
    if (resolved.findIndex(({ name }) => name === metric.name) < i) {
      report(path, `the metric '${metric.name}' stands twice`, 'Remove one of the two.');
    }
    const { minimum, maximum } = metric;
    if (minimum !== undefined && maximum !== undefined && minimum > maximum) {
      report(
        [...item, 'minimum'],
        `${minimum} is above the maximum ${maximum}`,
        'No model can pass: correct one of the two.',
      );
    }
  });
  if (champion.test === 'mcnemar' && task === 'regression') {
    report(['evaluate', 'champion', 'test'], 'McNemar counts hits, of which a regression has none', 'Write bootstrap.');
  }
  return {
    metrics: resolved,
    champion: {
      test: champion.test ?? defaults.championTest,
      confidence: champion.confidence ?? defaults.confidence,
      tolerance: champion.tolerance ?? defaults.tolerance,
      rounds: champion.rounds ?? defaults.rounds,
    },
    ...(max_bytes === undefined ? {} : { max_bytes }),
    ...(max_latency_ms === undefined ? {} : { max_latency_ms }),
  };
}

function checkMetric(name: string, task: Task, catalog: PipelineCatalog, path: Path, report: Report): void {
  const facts = Object.hasOwn(catalog.metrics, name) ? catalog.metrics[name] : undefined;
  const fitting = Object.keys(catalog.metrics).filter((other) => catalog.metrics[other]?.tasks.includes(task));
  const remedy = suggest(name, fitting, `Metrics for ${task}`);
  if (facts === undefined) report(path, `there is no metric '${name}'`, remedy);
  else if (!facts.tasks.includes(task)) report(path, `the metric '${name}' does not measure ${task}`, remedy);
}
