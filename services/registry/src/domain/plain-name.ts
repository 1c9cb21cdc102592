import { RelearnError } from '@relearn/kernel';

/** Largest file that is taken, bytes: it travels in one message. */
export const mostModelBytes = 200 * 1024 * 1024;

const name = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Throws INVALID_INPUT for what is no name of a model, no alias, or no file that could be looked at. */
export function checkUpload(given: string, bytes: number, alias: string): void {
  if (!name.test(given)) {
    throw new RelearnError('INVALID_INPUT', `'${given}' is no name of a model`, {
      remedy:
        'Names are letters, digits, dots, dashes and underscores, at most 128, and begin with a letter or a digit.',
    });
  }
  if (alias !== '' && alias !== 'champion') {
    throw new RelearnError('INVALID_INPUT', `there is no alias '${alias}'`, {
      remedy: 'The one alias is champion: the version that answers requests which name none.',
    });
  }
  if (bytes === 0) throw new RelearnError('INVALID_INPUT', 'the file is empty');
  if (bytes > mostModelBytes) {
    throw new RelearnError('TOO_LARGE', `the file has ${bytes} bytes, more than ${mostModelBytes}`, {
      remedy: 'Models up to 200 MiB are taken: quantize it, or leave out what answers no request.',
    });
  }
}
