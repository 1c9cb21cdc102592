import { RelearnError } from '@relearn/kernel';

export type Path = readonly (string | number)[];

/** Something wrong at a path of the pipeline file, before it is given a line. */
export interface Problem {
  readonly path: Path;
  readonly message: string;
  readonly remedy: string;
  /** `key`: shown at the key that holds the value (unknown and incomplete ones) rather than at the value. */
  readonly at?: 'key';
}

/** One error of a pipeline file. Line and column count from 1. */
export interface PipelineFileError {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Such as `source.rows.files[0]`; empty for the file as a whole. */
  readonly field: string;
  readonly message: string;
  readonly remedy: string;
}

/** All errors of one pipeline file, in the order of its lines. Code INVALID_PIPELINE. */
export class InvalidPipelineError extends RelearnError {
  readonly errors: readonly PipelineFileError[];

  /** `errors` holds at least one. */
  constructor(errors: readonly [PipelineFileError, ...PipelineFileError[]]) {
    const [{ file, line, column, field, message, remedy }, ...more] = errors;
    const rest = more.length === 0 ? '' : ` (and ${more.length} more ${more.length === 1 ? 'error' : 'errors'})`;
    const place = { file, line, column, ...(field === '' ? {} : { field }) };
    super('INVALID_PIPELINE', message + rest, { place, remedy });
    this.name = 'InvalidPipelineError';
    this.errors = errors;
  }
}

/** `source.rows.files[0]`; keys that are no plain words are quoted. */
export function fieldName(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (!/^[A-Za-z_][\w-]*$/.test(part)) text += `[${JSON.stringify(part)}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}

/** Whether one path lies within the other. */
export function overlaps(a: Path, b: Path): boolean {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return false;
  return true;
}
