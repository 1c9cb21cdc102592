import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parsePipelineFile, type PipelineCatalog, type PipelineSpec, rowStream, specDigest } from '@relearn/contracts';
import { checkFeatures } from '@relearn/features';
import { RelearnError, unreadable } from '@relearn/kernel';
import { binnedDriftMethods, metrics } from '@relearn/stats';
import { openTable, type TableFile } from '@relearn/tabular';
import { trainers } from '@relearn/trainers';

const methodsFor = (kind: 'numeric' | 'categorical') =>
  Object.values(binnedDriftMethods)
    .filter((method) => method.kinds.includes(kind))
    .map((method) => method.name);

/** What a pipeline file may name in this platform. */
export const pipelineCatalog: PipelineCatalog = {
  trainers: Object.fromEntries(
    Object.values(trainers).map((trainer) => [
      trainer.name,
      { tasks: trainer.tasks, parameters: trainer.parametersSchema },
    ]),
  ),
  metrics,
  driftMethods: { number: methodsFor('numeric'), category: methodsFor('categorical') },
  checkFeatures,
};

export interface LoadedPipeline {
  /** The file's text and path. */
  readonly text: string;
  readonly file: string;
  readonly spec: PipelineSpec;
  readonly digest: string;
  /** Folder that the file's relative paths start from. */
  readonly folder: string;
}

export function parsePipeline(text: string, file: string): { spec: PipelineSpec; digest: string } {
  const { spec } = parsePipelineFile(text, file, pipelineCatalog);
  return { spec, digest: specDigest(spec) };
}

/** Reads and checks a pipeline file. Throws INVALID_PIPELINE with every error in it, NOT_FOUND when it is not there. */
export async function loadPipeline(file: string): Promise<LoadedPipeline> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (thrown) {
    throw unreadable(file, thrown);
  }
  return { text, file, ...parsePipeline(text, file), folder: dirname(resolve(file)) };
}

export interface DataFile {
  readonly stream: string;
  readonly path: string;
}

/** The data files that the pipeline file names, as absolute paths. */
export function namedFiles({ spec, folder }: LoadedPipeline): DataFile[] {
  const at = (stream: string) => (path: string) => ({ stream, path: resolve(folder, path) });
  return [
    ...spec.source.rows.files.map(at(rowStream)),
    ...Object.entries(spec.source.context).flatMap(([stream, source]) => source.files.map(at(stream))),
  ];
}

/** Files from `[STREAM=]PATH` arguments; without a stream they hold the rows. */
export function argumentFiles(spec: PipelineSpec, files: readonly string[]): DataFile[] {
  return files.map((argument) => {
    const [stream = '', ...rest] = argument.split('=');
    const named = rest.length > 0 && (stream === rowStream || stream in spec.source.context);
    return named ? { stream, path: resolve(rest.join('=')) } : { stream: rowStream, path: resolve(argument) };
  });
}

export async function openTables(files: readonly DataFile[]): Promise<{ stream: string; table: TableFile }[]> {
  if (!files.some((file) => file.stream === rowStream)) {
    throw new RelearnError('INVALID_INPUT', 'no file holds the rows', {
      remedy: 'Name one under source.rows.files in the pipeline file, or give --data FILE.',
    });
  }
  return Promise.all(files.map(async ({ stream, path }) => ({ stream, table: await openTable(path) })));
}
