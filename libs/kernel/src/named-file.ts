import { RelearnError } from './errors.js';

/**
 * Why a file that somebody named cannot be read: NOT_FOUND where there is none, else what the system's error stands for.
 * INVALID_INPUT for a folder, and for what a decoder throws; an error that knows its place already stays as it is.
 */
export function unreadable(file: string, thrown: unknown, field?: string): RelearnError {
  if (thrown instanceof RelearnError) return thrown;
  const { code, message } = RelearnError.from(thrown);
  const options = { cause: thrown, place: field === undefined ? { file } : { file, field } };
  if (code === 'NOT_FOUND') {
    return new RelearnError(code, 'there is no such file', { ...options, remedy: 'Check the path of the file.' });
  }
  return new RelearnError(code === 'INTERNAL' ? 'INVALID_INPUT' : code, `cannot be read: ${message}`, options);
}
