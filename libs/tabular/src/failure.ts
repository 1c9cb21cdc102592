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

/** Names the file in what the operating system or a decoder threw; a decoder's error is INVALID_INPUT. */
export function readFailure(path: string, thrown: unknown, field?: string): RelearnError {
  if (thrown instanceof RelearnError) return thrown;
  const known = RelearnError.from(thrown);
  const code = known.code === 'INTERNAL' ? 'INVALID_INPUT' : known.code;
  const place = field === undefined ? { file: path } : { file: path, field };
  return new RelearnError(code, `cannot be read: ${known.message}`, { cause: thrown, place });
}
