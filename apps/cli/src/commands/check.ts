import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { RelearnError, unreadable } from '@relearn/kernel';
import type { Action } from '../command.js';
import { type ExitCode, exitCodes, fileErrorLines, fileErrorsOf } from '../exit.js';
import { loadPlatform } from '../platform.js';
import { styler } from '../terminal.js';

/** The text of a pipeline file. Throws NOT_FOUND. */
export async function readPipelineText(folder: string, file: string): Promise<string> {
  try {
    return await readFile(resolve(folder, file), 'utf8');
  } catch (thrown) {
    throw unreadable(file, thrown);
  }
}

/** Says what a pipeline file declares, or every error in it. */
export async function check({ terminal, json, print }: Action, [file = '']: readonly string[]): Promise<ExitCode> {
  const text = await readPipelineText(terminal.folder, file);
  const { parsePipeline } = await loadPlatform();
  try {
    const { spec, digest } = parsePipeline(text, file);
    const { name, features, train, evaluate } = spec;
    const [metric] = evaluate.metrics;
    const told = `${features.length} features, ${train.candidates.length} candidates for ${train.task}, judged by ${metric?.name ?? ''}`;
    print(
      { ok: true, file, pipeline: name, digest, errors: [] },
      `${styler(terminal.out, terminal.env)('green', 'ok')} ${file}: ${name}: ${told}`,
    );
    return exitCodes.done;
  } catch (thrown) {
    const error = RelearnError.from(thrown);
    const errors = fileErrorsOf(error);
    if (errors.length === 0) throw error;
    terminal.err.write(fileErrorLines(errors));
    if (json) print({ ok: false, file, errors }, '');
    else terminal.err.write(`${errors.length} ${errors.length === 1 ? 'error' : 'errors'} in ${file}\n`);
    return exitCodes.usage;
  }
}
