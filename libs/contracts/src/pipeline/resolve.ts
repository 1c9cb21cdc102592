import type { PipelineCatalog } from './catalog.js';
import { nearest, suggest } from './did-you-mean.js';
import type { PipelineFile } from './file-schema.js';
import type { Path } from './problems.js';
import { ColumnTable, declareColumns, type Report } from './resolve-columns.js';
import { resolveFeatures } from './resolve-features.js';
import { markLabelColumns, resolveLabel, resolveTask } from './resolve-label.js';
import { checkPositive, resolveMonitor, resolveRetrain } from './resolve-policy.js';
import { resolveRollout } from './resolve-rollout.js';
import { resolveSource, resolveWindowChecks, type Tables } from './resolve-source.js';
import { resolveEvaluate, resolveTrain } from './resolve-train.js';
import { type PipelineSpec, tasks } from './spec.js';

export interface Resolved {
  readonly spec: PipelineSpec;
  /** For each candidate of the spec the index of the file's candidate that it comes from. */
  readonly candidateOrigins: readonly number[];
}

/** Where the file's text is wrong by itself, which has been reported. */
export interface Damage {
  readonly isDamaged: (path: Path) => boolean;
  readonly damagedKeys: (path: Path) => readonly string[];
}

/** Fills in every default and reports what does not hold together. What it returns is good only if nothing was reported. */
export function resolvePipeline(file: PipelineFile, given: PipelineCatalog, report: Report, damage: Damage): Resolved {
  const tables = declareTables(file, report, damage);
  checkPositive(file, report);
  const source = resolveSource(file, tables, report);
  markLabelColumns(file, tables, report);
  const told = resolveTask(file, tables);
  const label = resolveLabel(file, told, tables, report);
  // Without a task, what depends on it is not judged.
  const task = told ?? 'binary';
  const catalog = told === undefined ? forEveryTask(given) : given;
  const features = resolveFeatures(file, task, tables, report);
  const { train, origins } = resolveTrain(file, task, catalog, report);
  const spec: PipelineSpec = {
    name: file.name,
    description: file.description ?? '',
    entity: file.entity ?? source.rows.id,
    source,
    schema: {
      columns: Object.fromEntries(tables.rows.specs),
      context: Object.fromEntries([...tables.context].map(([name, table]) => [name, Object.fromEntries(table.specs)])),
      window: resolveWindowChecks(file, tables, report),
    },
    label,
    features,
    train,
    evaluate: resolveEvaluate(file, task, catalog, report),
    rollout: resolveRollout(file, features, report),
    monitor: resolveMonitor(file, catalog, report),
    retrain: resolveRetrain(file, task, report),
  };
  return { spec, candidateOrigins: origins };
}

function forEveryTask(catalog: PipelineCatalog): PipelineCatalog {
  const every = <T>(facts: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, { ...fact, tasks }]));
  return { ...catalog, trainers: every(catalog.trainers), metrics: every(catalog.metrics) };
}

function declareTables(file: PipelineFile, report: Report, damage: Damage): Tables {
  const columnsPath = ['schema', 'columns'];
  const rows = new ColumnTable('the row stream', report, damage.damagedKeys(columnsPath));
  declareColumns(rows, file.schema.columns, columnsPath, report);
  const context = new Map<string, ColumnTable>();
  const sourcesPath = ['source', 'context'];
  const sources = file.source.context ?? {};
  const schemas = file.schema.context ?? {};
  // Where a stream's name or block is wrong, it may be the one that is meant.
  const unsure = damage.isDamaged(sourcesPath);
  const isStream = (name: string) => unsure || Object.hasOwn(sources, name);
  const strangers: string[] = [];
  for (const [name, columns] of Object.entries(schemas)) {
    const path = ['schema', 'context', name];
    const table = new ColumnTable(`the stream '${name}'`, report, damage.damagedKeys(path));
    declareColumns(table, columns, path, report);
    context.set(name, table);
    for (const [column, spec] of table.specs) {
      if (spec.known_at === undefined) continue;
      const remedy = 'Remove it; source.context says when a record is known.';
      report([...path, column, 'known_at'], 'a context stream has no label', remedy);
    }
    if (isStream(name)) continue;
    const remedy = suggest(name, Object.keys(sources), 'Streams of source.context');
    report(path, `there is no context stream '${name}'`, remedy, 'key');
    strangers.push(name);
  }
  for (const name of Object.keys(sources)) {
    const meant = strangers.some((stranger) => nearest(stranger, [name]) !== undefined);
    if (context.has(name) || meant || damage.isDamaged(['schema', 'context'])) continue;
    const remedy = `Add its columns under schema.context.${name}.`;
    report([...sourcesPath, name], `the columns of the stream '${name}' are not declared`, remedy, 'key');
  }
  return { rows, context, isStream };
}
