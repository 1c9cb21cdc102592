import { readFileSync } from 'node:fs';
import { RelearnError, type Setting } from '@relearn/kernel';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The value of a variable, or of the file that `NAME_FILE` names; undefined where neither is set. Throws INVALID_CONFIG. */
export function valueOf(env: Environment, name: string): string | undefined {
  const direct = env[name];
  if (direct !== undefined && direct !== '') return direct;
  const file = env[`${name}_FILE`];
  if (file === undefined || file === '') return undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (thrown) {
    throw new RelearnError('INVALID_CONFIG', `${name}_FILE: ${file} cannot be read`, {
      cause: thrown,
      place: { field: `${name}_FILE` },
      remedy: 'Name a file that this process may read.',
    });
  }
}

/** Variables, and files that others name, as adapters ask for them. */
export function settingsOf(env: Environment): Setting {
  return (name) => valueOf(env, name);
}

export function invalid(name: string, message: string, remedy: string): RelearnError {
  return new RelearnError('INVALID_CONFIG', message, { place: { field: name }, remedy });
}
