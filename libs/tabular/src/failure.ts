import { type ErrorPlace, RelearnError } from '@relearn/kernel';

/** INVALID_INPUT at a place of the file `path`; `describe()` prints it as `file:line:column: message`. */
export function malformed(
  path: string,
  place: Omit<ErrorPlace, 'file'>,
  message: string,
  remedy = 'Correct the data file at this place.',
): RelearnError {
  return new RelearnError('INVALID_INPUT', message, { place: { file: path, ...place }, remedy });
}
