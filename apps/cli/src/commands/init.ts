import { writeFile } from 'node:fs/promises';
import { dirname, relative, resolve, sep } from 'node:path';
import { parseDuration, RelearnError } from '@relearn/kernel';
import type { Action } from '../command.js';

const tasks = ['binary', 'multiclass', 'regression'] as const;
type Task = (typeof tasks)[number];

export interface InitOptions {
  readonly name: string;
  readonly time: string;
  readonly label: string;
  readonly id?: string;
  readonly knownAt?: string;
  readonly labelDelay?: string;
  readonly task?: string;
  readonly out?: string;
  readonly force?: boolean;
}

/** Writes a pipeline file for a table of data: one that `check` accepts and `backtest` runs as it is. */
export async function init(
  { terminal, print }: Action,
  [data = '']: readonly string[],
  options: InitOptions,
): Promise<void> {
  const [{ openTable, profileTable, profileTimes }, { inferPipeline }] = await Promise.all([
    import('@relearn/tabular'),
    import('@relearn/contracts'),
  ]);
  const { name, time, label, knownAt, labelDelay, force = false } = options;
  const task = taskOf(options.task);
  const labelDelayMs = labelDelay === undefined ? undefined : parseDuration(labelDelay);
  const dataPath = resolve(terminal.folder, data);
  const out = resolve(terminal.folder, options.out ?? `${name}.yaml`);
  const table = await openTable(dataPath);
  const profiles = await profileTable(table);
  const times = await profileTimes(table, time, knownAt);
  const { yaml, notes } = inferPipeline({
    name,
    dataFile: pathFrom(dirname(out), dataPath),
    time,
    label,
    id: (options.id ?? '').split(',').filter((column) => column !== ''),
    profiles,
    times,
    ...(knownAt === undefined ? {} : { knownAt }),
    ...(labelDelayMs === undefined ? {} : { labelDelayMs }),
    ...(task === undefined ? {} : { task }),
  });
  await write(out, yaml, force);
  for (const note of notes) terminal.err.write(`${note}\n`);
  const shown = pathFrom(terminal.folder, out);
  print(
    { file: shown, pipeline: name, notes },
    `${shown} is written. Look at it, then: relearn check ${shown} && relearn backtest ${shown}`,
  );
}

function taskOf(text: string | undefined): Task | undefined {
  if (text === undefined) return undefined;
  const task = tasks.find((one) => one === text);
  if (task !== undefined) return task;
  throw new RelearnError('INVALID_INPUT', `--task ${text}: there is no such task`, {
    remedy: `Give one of ${tasks.join(', ')}.`,
  });
}

async function write(path: string, yaml: string, force: boolean): Promise<void> {
  try {
    await writeFile(path, yaml, { flag: force ? 'w' : 'wx' });
  } catch (thrown) {
    const exists = thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST';
    if (exists) {
      throw new RelearnError('ALREADY_EXISTS', `${path} is there already`, {
        cause: thrown,
        remedy: 'Give another --out, or --force to write over it.',
      });
    }
    throw new RelearnError('STORAGE_FAILED', `${path} cannot be written: ${RelearnError.from(thrown).message}`, {
      cause: thrown,
    });
  }
}

/** A path as a file in the folder would name it, with slashes on every system. */
function pathFrom(folder: string, path: string): string {
  return relative(folder, path).split(sep).join('/');
}
