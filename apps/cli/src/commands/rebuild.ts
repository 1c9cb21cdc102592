import { RelearnError } from '@relearn/kernel';
import type { Action } from '../command.js';
import { type ExitCode, exitCodes } from '../exit.js';
import { isDataFolder, loadPlatform } from '../platform.js';
import { styler, table } from '../terminal.js';
import { reading } from './reading.js';

interface StateHash {
  readonly all: string;
  readonly services: Readonly<Record<string, string>>;
}

interface Verification {
  readonly stored: StateHash;
  readonly rebuilt: StateHash;
  readonly difference: string | null;
}

/** Makes all documents anew from log and blobs, or says whether that would give what is stored. */
export async function rebuild(
  action: Action,
  _args: readonly string[],
  { verify }: { verify?: boolean },
): Promise<ExitCode> {
  if (verify === true) return await verifyStored(action);
  const { terminal, print } = action;
  const { readConfig, rebuildStores } = await loadPlatform();
  const config = readConfig(terminal.env);
  const { engines } = config;
  if (engines.kind === 'embedded' && !isDataFolder(engines.folder)) {
    throw new RelearnError('NOT_FOUND', `there is no data folder ${engines.folder}`, {
      remedy: 'Set RELEARN_DATA to the folder whose documents are to be made anew.',
    });
  }
  const hash = await rebuildStores(config);
  const style = styler(terminal.out, terminal.env);
  const rows = [...Object.entries(hash.services), ['all', hash.all]];
  print(hash, table(['state', 'hash'], rows, style));
  return exitCodes.done;
}

function verifyStored(action: Action): Promise<ExitCode> {
  const style = styler(action.terminal.out, action.terminal.env);
  return reading(action, async (client) => {
    const verification = await client.get<Verification>('/state');
    const { stored, rebuilt, difference } = verification;
    const names = [...new Set([...Object.keys(stored.services), ...Object.keys(rebuilt.services)])];
    const row = (name: string, one = '', other = '') => [
      name,
      one,
      other,
      one === other ? style('green', 'same') : style('red', 'differs'),
    ];
    const rows = [
      ...names.map((name) => row(name, stored.services[name], rebuilt.services[name])),
      row('all', stored.all, rebuilt.all),
    ];
    const text = table(['state', 'stored', 'rebuilt', ''], rows, style);
    action.print(verification, difference === null ? text : `${text}\n${style('red', difference)}`);
    return difference === null ? exitCodes.done : exitCodes.failed;
  });
}
