import { type ErrorCode, RelearnError } from '@relearn/kernel';
import { styler, type Terminal } from './terminal.js';

/** What the process ends with: done, failed, bad usage or bad input. */
export const exitCodes = { done: 0, failed: 1, usage: 2 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const badInput: ReadonlySet<ErrorCode> = new Set([
  'INVALID_INPUT',
  'INVALID_PIPELINE',
  'INVALID_EVENT',
  'INVALID_CONFIG',
  'TOO_LARGE',
  'NOT_FOUND',
  'ALREADY_EXISTS',
]);

export function exitCodeOf(error: RelearnError): ExitCode {
  return badInput.has(error.code) ? exitCodes.usage : exitCodes.failed;
}

/** An error of one line of a pipeline file, as a server tells it or as it was found here. */
export interface FileError {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly field: string;
  readonly message: string;
  readonly remedy: string;
}

/** The errors of a pipeline file that an error carries, none for any other. */
export function fileErrorsOf(error: RelearnError): readonly FileError[] {
  // Not by class: that would load the schemas of all events for a command that fails before it needs them.
  return 'errors' in error && Array.isArray(error.errors) ? (error.errors as FileError[]) : [];
}

/** Every error of a file: `file:line:column: message`, then what to do. */
export function fileErrorLines(errors: readonly FileError[]): string {
  return errors
    .map(({ file, line, column, field, message, remedy }) => {
      const named = field === '' ? message : `${field}: ${message}`;
      return `${file}:${line}:${column}: ${named}\n  ${remedy}\n`;
    })
    .join('');
}

/** Says on standard error what went wrong and what to do; as JSON on standard output too where that was asked for. */
export function tellError(terminal: Terminal, thrown: unknown, json: boolean): ExitCode {
  const error = RelearnError.from(thrown);
  const { code, message, remedy } = error;
  const errors = fileErrorsOf(error);
  const style = styler(terminal.err, terminal.env);
  if (errors.length > 0) terminal.err.write(fileErrorLines(errors));
  else {
    const where = placeText(error);
    terminal.err.write(`${style('red', 'error')} ${code}: ${message}${where === '' ? '' : ` (${where})`}\n`);
    if (remedy !== '') terminal.err.write(`  ${remedy}\n`);
  }
  if (terminal.env['RELEARN_DEBUG']) terminal.err.write(`${error.stack ?? ''}\n${stackOf(error.cause)}`);
  if (json) tellAsJson(terminal, error);
  return exitCodeOf(error);
}

/** The error on standard output, where JSON was asked for. */
export function tellAsJson(terminal: Terminal, error: RelearnError): void {
  const { code, message, remedy, place = null } = error;
  const errors = fileErrorsOf(error);
  const more = errors.length === 0 ? {} : { errors };
  terminal.out.write(`${JSON.stringify({ error: { code, message, remedy, place, ...more } })}\n`);
}

function stackOf(cause: unknown): string {
  return cause instanceof Error ? `caused by ${cause.stack ?? cause.message}\n` : '';
}

function placeText({ place }: RelearnError): string {
  const { file, line, column, field } = place ?? {};
  const where = [file, line, column].filter((part) => part !== undefined).join(':');
  return [where, field].filter((part) => part !== undefined && part !== '').join(', ');
}
