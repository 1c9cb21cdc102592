import { parseDuration } from '@relearn/kernel';
import { labelStream, rowStream } from '../rows.js';
import { defaults } from './defaults.js';
import { suggest } from './did-you-mean.js';
import type { PipelineFile } from './file-schema.js';
import { type ColumnTable, checkOrder, pair, type Report } from './resolve-columns.js';
import type { ContextSource, PipelineSpec } from './spec.js';

export interface Tables {
  readonly rows: ColumnTable;
  /** By stream. */
  readonly context: ReadonlyMap<string, ColumnTable>;
  readonly isStream: (name: string) => boolean;
}

/** `source` with its defaults; reports columns that are not there or cannot serve. */
export function resolveSource(file: PipelineFile, tables: Tables, report: Report): PipelineSpec['source'] {
  const { rows, context = {}, lateness, shard_by, max_record_bytes } = file.source;
  const { files = [], time, id = [] } = rows;
  const timeSpec = tables.rows.use(time, ['source', 'rows', 'time'], ['timestamp']);
  if (timeSpec?.nullable === true) {
    report(['source', 'rows', 'time'], `the event time '${time}' is nullable`, 'Remove `nullable` from that column.');
  }
  tables.rows.useAll(id, ['source', 'rows', 'id']);
  tables.rows.useAll(file.entity ?? [], ['entity']);
  if (shard_by !== undefined) tables.rows.use(shard_by, ['source', 'shard_by']);
  return {
    rows: { files, time, id },
    context: Object.fromEntries(
      Object.entries(context).map(([name, stream]) => [name, resolveStream(name, stream, tables, report)]),
    ),
    lateness: parseDuration(lateness ?? defaults.lateness),
    ...(shard_by === undefined ? {} : { shard_by }),
    max_record_bytes: max_record_bytes ?? defaults.maxRecordBytes,
  };
}

type FileStream = NonNullable<PipelineFile['source']['context']>[string];

function resolveStream(name: string, stream: FileStream, tables: Tables, report: Report): ContextSource {
  const path = ['source', 'context', name];
  const { files = [], time, id = [], known_after, known_at } = stream;
  if (name === rowStream || name === labelStream) {
    report(path, `'${name}' is the name of another stream`, 'Give the context stream a name of its own.', 'key');
  }
  const table = tables.context.get(name);
  table?.use(time, [...path, 'time'], ['timestamp']);
  table?.useAll(id, [...path, 'id']);
  if (known_at !== undefined) table?.use(known_at, [...path, 'known_at'], ['timestamp']);
  if (known_at !== undefined && known_after !== undefined) {
    report([...path, 'known_after'], 'known_after and known_at say the same thing twice', 'Remove one of the two.');
  }
  return {
    files,
    time,
    id,
    known_after: parseDuration(known_after ?? defaults.knownAfter),
    ...(known_at === undefined ? {} : { known_at }),
  };
}

/** `schema.window` with its defaults. */
export function resolveWindowChecks(
  file: PipelineFile,
  tables: Tables,
  report: Report,
): PipelineSpec['schema']['window'] {
  const path = ['schema', 'window'];
  const { every, rows, null_share = {}, quarantine_share } = file.schema.window ?? {};
  if (rows !== undefined) checkOrder(rows, [...path, 'rows'], report);
  for (const name of Object.keys(null_share)) {
    const all = [tables.rows, ...tables.context.values()].flatMap((table) => [...table.specs.keys()]);
    if (all.includes(name)) continue;
    report([...path, 'null_share', name], `no stream has a column '${name}'`, suggest(name, all, 'Columns'), 'key');
  }
  return {
    every: parseDuration(every ?? file.monitor?.window ?? defaults.monitorWindow),
    ...(rows === undefined ? {} : { rows: pair(rows) }),
    null_share,
    quarantine_share: quarantine_share ?? defaults.quarantineShare,
  };
}
